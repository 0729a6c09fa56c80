//! Wrong files and what is said about them, word for word. A diagnostic is good when an operator
//! who reads it once knows what to do; read them as one.

use super::super::Config;

/// Everything that is said about a file, errors or warnings.
#[track_caller]
pub(super) fn says(text: &str, expected: &str) {
    let found = match Config::parse(text.trim_start(), "show.toml") {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    let said = said.join("\n\n");
    assert!(said == expected.trim(), "\nsaid:\n{said}\n\nexpected:\n{}", expected.trim());
}

#[test]
fn what_is_not_toml_is_shown_where_it_breaks() {
    says(
        r#"
name = "Night
[network
sacn_port == 5
"#,
        r#"
error: this is not TOML: invalid basic string, expected `"`
 --> show.toml:1:14
  |
1 | name = "Night
  |              ^

error: this is not TOML: unclosed table, expected `]`
 --> show.toml:2:9
  |
2 | [network
  |         ^

error: this is not TOML: extra `=`, expected nothing
 --> show.toml:3:12
  |
3 | sacn_port == 5
  |            ^
"#,
    );
}

#[test]
fn a_key_given_twice_is_shown_at_the_second() {
    says(
        r#"
name = "Night"
name = "Day"
"#,
        r#"
error: this is not TOML: duplicate key
 --> show.toml:2:1
  |
2 | name = "Day"
  | ^^^^
"#,
    );
}

#[test]
fn unknown_keys_name_the_key_that_was_meant() {
    says(
        r#"
name = "Night"
[network]
interface = ["eth0"]
[[groups]]
name = "floor"
"#,
        r#"
error: [network] has no key `interface`
 --> show.toml:3:1
  |
3 | interface = ["eth0"]
  | ^^^^^^^^^
  = help: did you mean `interfaces`?

error: the show has no key `groups`
 --> show.toml:4:3
  |
4 | [[groups]]
  |   ^^^^^^
  = help: did you mean `group`?
"#,
    );
}

#[test]
fn an_unknown_key_with_nothing_near_lists_what_there_is() {
    says(
        r#"
name = "Night"
[http]
colour = "blue"
"#,
        r#"
error: [http] has no key `colour`
 --> show.toml:3:1
  |
3 | colour = "blue"
  | ^^^^^^
  = help: there is `listen`, `token_file` and `hosts`
"#,
    );
}

#[test]
fn keys_of_the_show_below_a_table_are_sent_to_the_top() {
    says(
        r#"
[http]
name = "Night"

[[radio]]
kind = "simulated"
end_look = "hold"
"#,
        r#"
error: the show needs `name`
 --> show.toml:1:1
  |
1 | [http]
  | ^
  = help: for example name = "My show"

error: [http] has no key `name`
 --> show.toml:2:1
  |
2 | name = "Night"
  | ^^^^
  = help: if it is the show's, `name` must stand before the first [table]

error: a simulated radio has no key `end_look`
 --> show.toml:6:1
  |
6 | end_look = "hold"
  | ^^^^^^^^
  = help: if it is the show's, `end_look` must stand before the first [table]
"#,
    );
}

#[test]
fn a_show_needs_a_name() {
    says(
        r#"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: the show needs `name`
 --> show.toml:1:1
  |
1 | [[group]]
  | ^
  = help: for example name = "My show"
"#,
    );
}

#[test]
fn a_group_needs_a_name_and_a_patch() {
    says(
        r#"
name = "Night"
[[group]]
[[radio]]
kind = "simulated"
"#,
        r#"
error: a group needs `name`, `universe`, `address` and `personality`
 --> show.toml:2:1
  |
2 | [[group]]
  | ^^^^^^^^^
  = help: for example name = "floor-left", universe = "sacn/1", address = 1, personality = "rgb"
"#,
    );
}

#[test]
fn one_bracket_makes_one_group_where_many_are_expected() {
    says(
        r#"
name = "Night"
[group]
name = "floor"
[radio]
kind = "simulated"
"#,
        r#"
error: `group` is a table: expected a list
 --> show.toml:2:1
  |
2 | [group]
  | ^^^^^^^
  = help: write [[group]] with two brackets: a show can have many

error: `radio` is a table: expected a list
 --> show.toml:4:1
  |
4 | [radio]
  | ^^^^^^^
  = help: write [[radio]] with two brackets: a show can have several
"#,
    );
}

#[test]
fn addresses_run_from_1_to_512() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 0
personality = "rgb"
[[group]]
name = "stage"
universe = "sacn/1"
address = 513
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `address` is 0: expected a whole number from 1 to 512
 --> show.toml:5:11
  |
5 | address = 0
  |           ^

error: `address` is 513: expected a whole number from 1 to 512
  --> show.toml:10:11
   |
10 | address = 513
   |           ^^^
"#,
    );
}

#[test]
fn numbers_are_not_quoted_and_texts_are() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = 1
address = "1"
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `universe` is 1: expected a universe, "sacn/1" to "sacn/63999", "artnet/0/0/1" (net/sub-net/universe) or "artnet/0" to "artnet/32767"
 --> show.toml:4:12
  |
4 | universe = 1
  |            ^
  = help: name the protocol and the number, in quotes

error: `address` is "1": expected a whole number from 1 to 512
 --> show.toml:5:11
  |
5 | address = "1"
  |           ^^^
  = help: write it without quotes
"#,
    );
}

#[test]
fn universes_written_in_other_ways_name_the_right_one() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sACN 1"
address = 1
personality = "rgb"
[[group]]
name = "stage"
universe = "artnet/0/0/16"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `universe` is "sACN 1": expected a universe, "sacn/1" to "sacn/63999", "artnet/0/0/1" (net/sub-net/universe) or "artnet/0" to "artnet/32767"
 --> show.toml:4:12
  |
4 | universe = "sACN 1"
  |            ^^^^^^^^
  = help: did you mean "sacn/1"?

error: `universe` is "artnet/0/0/16": expected a universe, "sacn/1" to "sacn/63999", "artnet/0/0/1" (net/sub-net/universe) or "artnet/0" to "artnet/32767"
 --> show.toml:9:12
  |
9 | universe = "artnet/0/0/16"
  |            ^^^^^^^^^^^^^^^
  = help: net is 0 to 127, sub-net and universe within it are 0 to 15
"#,
    );
}

#[test]
fn an_unknown_personality_names_the_nearest() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "RGBd"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `personality` is "RGBd": expected `rgb`, `drgb`, `rgbw`, `drgbw` or `drgbsf` or a list of slots
 --> show.toml:6:15
  |
6 | personality = "RGBd"
  |               ^^^^^^
  = help: did you mean "rgb"?
"#,
    );
}

#[test]
fn an_unknown_slot_of_a_personality_names_the_nearest() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = ["dimer", "red", "red", "green"]
[[radio]]
kind = "simulated"
"#,
        r#"
error: `personality` is "dimer": expected `red`, `green`, `blue`, `white`, `dimmer`, `strobe`, `fade` or `unused`
 --> show.toml:6:16
  |
6 | personality = ["dimer", "red", "red", "green"]
  |                ^^^^^^^
  = help: did you mean "dimmer"?

error: "red" is in this personality twice
 --> show.toml:6:32
  |
6 | personality = ["dimer", "red", "red", "green"]
  |                                ^^^^^
"#,
    );
}

#[test]
fn a_personality_must_drive_something() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = []
[[group]]
name = "stage"
universe = "sacn/1"
address = 1
personality = ["unused"]
[[radio]]
kind = "simulated"
"#,
        r#"
error: `personality` drives nothing
 --> show.toml:6:15
  |
6 | personality = []
  |               ^^
  = help: for example ["red", "green", "blue"]

error: `personality` drives nothing
  --> show.toml:11:15
   |
11 | personality = ["unused"]
   |               ^^^^^^^^^^
  = help: for example ["red", "green", "blue"]
"#,
    );
}

#[test]
fn a_group_past_slot_512_names_both_remedies() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 511
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: 3 slots from slot 511 run past slot 512
 --> show.toml:5:11
  |
5 | address = 511
  |           ^^^
  = help: start at 510 or before, or go on at slot 1 of sacn/2 with spans_universes = true
"#,
    );
}

#[test]
fn a_group_past_the_last_universe_cannot_be() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/63999"
address = 511
personality = "rgb"
spans_universes = true
[[radio]]
kind = "simulated"
"#,
        r#"
error: this runs past the last universe, sacn/63999
 --> show.toml:5:11
  |
5 | address = 511
  |           ^^^
"#,
    );
}

#[test]
fn group_names_are_unique() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: another group is called "floor", in line 3
 --> show.toml:8:8
  |
8 | name = "floor"
  |        ^^^^^^^
  = help: every group needs a name of its own
"#,
    );
}

#[test]
fn counted_groups_need_a_place_for_the_number() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
count = 3
[[radio]]
kind = "simulated"
"#,
        r#"
error: `name` of 3 groups needs one {} to count up in
 --> show.toml:3:8
  |
3 | name = "floor"
  |        ^^^^^^^
  = help: for example name = "seat-{}"
"#,
    );
}

#[test]
fn a_place_for_the_number_needs_a_count() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor-{}"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `name` has {}, but the group has no `count`
 --> show.toml:3:8
  |
3 | name = "floor-{}"
  |        ^^^^^^^^^^
  = help: for example count = 100
"#,
    );
}

#[test]
fn counted_names_do_not_collide_with_others() {
    says(
        r#"
name = "Night"
[[group]]
name = "seat-7"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "seat-{}"
universe = "sacn/1"
address = 4
personality = "rgb"
count = 10
[[radio]]
kind = "simulated"
"#,
        r#"
error: another group is called "seat-7", in line 3
 --> show.toml:8:8
  |
8 | name = "seat-{}"
  |        ^^^^^^^^^
  = help: every group needs a name of its own
"#,
    );
}

#[test]
fn counts_and_delays_have_limits() {
    says(
        r#"
name = "Night"
[[group]]
name = "seat-{}"
universe = "sacn/1"
address = 1
personality = "rgb"
count = 70000
delay_ms = 501
[[radio]]
kind = "simulated"
"#,
        r#"
error: `count` is 70000: expected a whole number from 1 to 65536 groups
 --> show.toml:7:9
  |
7 | count = 70000
  |         ^^^^^

error: `delay_ms` is 501: expected a whole number from 0 to 500 ms
 --> show.toml:8:12
  |
8 | delay_ms = 501
  |            ^^^
"#,
    );
}

#[test]
fn slots_one_by_one_exclude_an_address() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
address = 1
slots = { red = "sacn/1", green = "sacn/1/513", blu = "sacn/1/3" }
[[radio]]
kind = "simulated"
"#,
        r#"
error: `address` does not go with `slots`
 --> show.toml:4:11
  |
4 | address = 1
  |           ^
  = help: `slots` gives every attribute a universe and a slot of its own

error: `red` is "sacn/1": expected a universe and a slot, "sacn/1/12" or "artnet/0/0/1/12"
 --> show.toml:5:17
  |
5 | slots = { red = "sacn/1", green = "sacn/1/513", blu = "sacn/1/3" }
  |                 ^^^^^^^^

error: `green` is "sacn/1/513": expected a universe and a slot, "sacn/1/12" or "artnet/0/0/1/12"
 --> show.toml:5:35
  |
5 | slots = { red = "sacn/1", green = "sacn/1/513", blu = "sacn/1/3" }
  |                                   ^^^^^^^^^^^^

error: `slots` has no key `blu`
 --> show.toml:5:49
  |
5 | slots = { red = "sacn/1", green = "sacn/1/513", blu = "sacn/1/3" }
  |                                                 ^^^
  = help: did you mean `blue`?
"#,
    );
}

#[test]
fn loss_policies_are_words_or_tables() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
loss = "fade"
[[group]]
name = "stage"
universe = "sacn/1"
address = 9
personality = "rgb"
loss = { to = "hold", after = 5, fade_ms = -1 }
[[radio]]
kind = "simulated"
"#,
        r#"
error: `loss` is "fade": expected `hold` or `black` or a policy: { to = "black", after_ms = 2000, fade_ms = 3000 }
 --> show.toml:7:8
  |
7 | loss = "fade"
  |        ^^^^^^

error: `to` is "hold": expected `black` or a look: { red = 255, dimmer = 100 }
  --> show.toml:13:15
   |
13 | loss = { to = "hold", after = 5, fade_ms = -1 }
   |               ^^^^^^

error: a loss policy has no key `after`
  --> show.toml:13:23
   |
13 | loss = { to = "hold", after = 5, fade_ms = -1 }
   |                       ^^^^^
  = help: did you mean `after_ms`?

error: `fade_ms` is -1: expected a whole number from 0 to 3600000 ms
  --> show.toml:13:44
   |
13 | loss = { to = "hold", after = 5, fade_ms = -1 }
   |                                            ^^
"#,
    );
}

#[test]
fn looks_have_levels_from_0_to_255() {
    says(
        r#"
name = "Night"
end_look = { red = 256, dimmer = 1.5 }
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `red` is 256: expected a whole number from 0 to 255
 --> show.toml:2:20
  |
2 | end_look = { red = 256, dimmer = 1.5 }
  |                    ^^^

error: `dimmer` is 1.5: expected a whole number from 0 to 255
 --> show.toml:2:34
  |
2 | end_look = { red = 256, dimmer = 1.5 }
  |                                  ^^^
"#,
    );
}

#[test]
fn ports_differ_and_are_not_0() {
    says(
        r#"
name = "Night"
[network]
sacn_port = 6454
[network.artnet]
reply = 1
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: sACN and Art-Net are both on port 6454
 --> show.toml:2:1
  |
2 | [network]
  | ^^^^^^^^^
  = help: usual are 5568 for sACN, 6454 for Art-Net

error: `reply` is 1: expected true or false
 --> show.toml:5:9
  |
5 | reply = 1
  |         ^
"#,
    );
}

#[test]
fn port_0_is_no_port() {
    says(
        r#"
name = "Night"
[network]
sacn_port = 0
artnet_port = 70000
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `sacn_port` is 0: expected a whole number from 1 to 65535
 --> show.toml:3:13
  |
3 | sacn_port = 0
  |             ^

error: `artnet_port` is 70000: expected a whole number from 1 to 65535
 --> show.toml:4:15
  |
4 | artnet_port = 70000
  |               ^^^^^
"#,
    );
}

#[test]
fn interfaces_are_names_addresses_or_networks() {
    says(
        r#"
name = "Night"
[network]
interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `interfaces` is "10.0.0.256": expected the name of an interface (`eth0`), an address it has (`10.0.0.2`) or its network (`10.0.0.0/8`)
 --> show.toml:3:15
  |
3 | interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
  |               ^^^^^^^^^^^^
  = help: this is neither an IPv4 nor an IPv6 address

error: `interfaces` is "10.0.0.0/33": expected the name of an interface (`eth0`), an address it has (`10.0.0.2`) or its network (`10.0.0.0/8`)
 --> show.toml:3:29
  |
3 | interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
  |                             ^^^^^^^^^^^^^
  = help: after the `/` comes the number of network bits, 0 to 32

error: `interfaces` is "eth0/24": expected the name of an interface (`eth0`), an address it has (`10.0.0.2`) or its network (`10.0.0.0/8`)
 --> show.toml:3:44
  |
3 | interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
  |                                            ^^^^^^^^^

error: `interfaces` is "fe80::1::2": expected the name of an interface (`eth0`), an address it has (`10.0.0.2`) or its network (`10.0.0.0/8`)
 --> show.toml:3:55
  |
3 | interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
  |                                                       ^^^^^^^^^^^^
  = help: this is neither an IPv4 nor an IPv6 address

error: `interfaces` is empty: expected text in quotes, 1 to 255 bytes, on one line
 --> show.toml:3:69
  |
3 | interfaces = ["10.0.0.256", "10.0.0.0/33", "eth0/24", "fe80::1::2", ""]
  |                                                                     ^^
"#,
    );
}

#[test]
fn an_empty_list_of_interfaces_is_not_all_of_them() {
    says(
        r#"
name = "Night"
[network]
interfaces = []
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `interfaces` is a list: expected at least one interface
 --> show.toml:3:14
  |
3 | interfaces = []
  |              ^^
  = help: leave `interfaces` out to receive on every running interface but loopback
"#,
    );
}

#[test]
fn art_net_names_have_their_lengths() {
    says(
        r#"
name = "Night"
[network]
merge = "hpt"
sources_per_universe = 33
artnet = { short_name = "The wristband relay" }
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `merge` is "hpt": expected `htp` or `ltp`
 --> show.toml:3:9
  |
3 | merge = "hpt"
  |         ^^^^^
  = help: did you mean "htp"?

error: `sources_per_universe` is 33: expected a whole number from 1 to 32
 --> show.toml:4:24
  |
4 | sources_per_universe = 33
  |                        ^^

error: `short_name` is "The wristband relay": expected text in quotes, 1 to 17 bytes, on one line
 --> show.toml:5:25
  |
5 | artnet = { short_name = "The wristband relay" }
  |                         ^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn the_status_api_listens_on_an_address_and_a_port() {
    says(
        r#"
name = "Night"
[http]
listen = "localhost:8420"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `listen` is "localhost:8420": expected an address and a port
 --> show.toml:3:10
  |
3 | listen = "localhost:8420"
  |          ^^^^^^^^^^^^^^^^
  = help: "127.0.0.1:8420" for this machine only, "0.0.0.0:8420" for the network
"#,
    );
}

#[test]
fn the_strobe_guard_says_what_its_limits_may_be() {
    says(
        r#"
name = "Night"
[safety]
strobe = "limt"
flashes_per_second = 25
red_flashes_per_second = 0
flashing_share = 25
strobe_guard = true
"#,
        r#"
error: `strobe` is "limt": expected `off`, `warn` or `limit`
 --> show.toml:3:10
  |
3 | strobe = "limt"
  |          ^^^^^^
  = help: did you mean "limit"?

error: `flashes_per_second` is 25: expected a whole number from 1 to 10 a second
 --> show.toml:4:22
  |
4 | flashes_per_second = 25
  |                      ^^

error: `red_flashes_per_second` is 0: expected a whole number from 1 to 10 a second
 --> show.toml:5:26
  |
5 | red_flashes_per_second = 0
  |                          ^

error: `flashing_share` is 25: expected a number from 0 to 1 (a share of 1)
 --> show.toml:6:18
  |
6 | flashing_share = 25
  |                  ^^

error: [safety] has no key `strobe_guard`
 --> show.toml:7:1
  |
7 | strobe_guard = true
  | ^^^^^^^^^^^^
  = help: did you mean `strobe`?
"#,
    );
}

#[test]
fn orders_over_osc_from_the_network_need_a_list_or_a_token() {
    says(
        r#"
name = "Night"
[osc]
listen = "10.0.0.2:8000"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: whoever reaches this address could steer the show
 --> show.toml:3:10
  |
3 | listen = "10.0.0.2:8000"
  |          ^^^^^^^^^^^^^^^
  = help: OSC knows no passwords: name the controllers in `allow`, or give them a token with `token_file`
"#,
    );
}

#[test]
fn osc_controllers_are_addresses() {
    says(
        r#"
name = "Night"
[osc]
listen = 8000
allow = ["cd30dea8-0852-4c8c-94dd-0e7806214b16"]
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
error: `listen` is 8000: expected an address and a port
 --> show.toml:3:10
  |
3 | listen = 8000
  |          ^^^^
  = help: "127.0.0.1:8000" for this machine only, or the address of the interface that the controllers are on

error: `allow` is "cd30dea8-0852-4c8c-94dd-0e7806214b16": expected an address (`10.0.0.5`) or a network (`10.0.0.0/24`)
 --> show.toml:4:10
  |
4 | allow = ["cd30dea8-0852-4c8c-94dd-0e7806214b16"]
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn an_unknown_kind_of_radio_names_those_there_are() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulatd"
bands = 3
"#,
        r#"
error: `kind` is "simulatd": expected `simulated`, `gatt` or `broadcast`
 --> show.toml:8:8
  |
8 | kind = "simulatd"
  |        ^^^^^^^^^^
  = help: did you mean "simulated"?
"#,
    );
}

#[test]
fn a_radio_has_the_keys_of_its_kind() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
adapter = "hci0"
interval_ms = 5
loss = 1
"#,
        r#"
error: a simulated radio has no key `adapter`
 --> show.toml:9:1
  |
9 | adapter = "hci0"
  | ^^^^^^^
  = help: there is `kind`, `name`, `bands_per_group`, `groups`, `interval_ms`, `packets_per_event`, `loss`, `latency_ms` and `seed`

error: `interval_ms` is 5: expected a number from 7.5 to 4000 ms
  --> show.toml:10:15
   |
10 | interval_ms = 5
   |               ^

error: `loss` is 1: expected a number from 0 to 0.95 (a share of 1)
  --> show.toml:11:8
   |
11 | loss = 1
   |        ^
"#,
    );
}

#[test]
fn radios_name_groups_that_exist() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
groups = ["flor", "roof"]
"#,
        r#"
error: no group is called "flor"
 --> show.toml:9:11
  |
9 | groups = ["flor", "roof"]
  |           ^^^^^^
  = help: did you mean "floor"?

error: no group is called "roof"
 --> show.toml:9:19
  |
9 | groups = ["flor", "roof"]
  |                   ^^^^^^
  = help: there is `floor`
"#,
    );
}

#[test]
fn bands_name_groups_that_exist_and_are_listed_once() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "gatt"
bands = [
  { id = "AA:01", group = "floor" },
  { id = "AA:01", group = "floor" },
  { id = "AA:02", group = "flour" },
  { group = "floor" },
]
"#,
        r#"
error: band "AA:01" is listed already, in line 10
  --> show.toml:11:10
   |
11 |   { id = "AA:01", group = "floor" },
   |          ^^^^^^^
  = help: a band takes one connection

error: no group is called "flour"
  --> show.toml:12:27
   |
12 |   { id = "AA:02", group = "flour" },
   |                           ^^^^^^^
  = help: did you mean "floor"?

error: a band needs `id`
  --> show.toml:13:3
   |
13 |   { group = "floor" },
   |   ^^^^^^^^^^^^^^^^^^^
  = help: for example id = "AA:BB:CC:DD:EE:FF"
"#,
    );
}

#[test]
fn radio_names_are_unique() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
name = "left"
[[radio]]
kind = "simulated"
name = "left"
"#,
        r#"
error: another radio is called "left" already
  --> show.toml:12:8
   |
12 | name = "left"
   |        ^^^^^^
  = help: every radio needs a name of its own
"#,
    );
}

#[test]
fn a_wrong_group_is_not_called_missing_as_well() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/0"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
groups = ["floor"]
"#,
        r#"
error: `universe` is "sacn/0": expected a universe, "sacn/1" to "sacn/63999", "artnet/0/0/1" (net/sub-net/universe) or "artnet/0" to "artnet/32767"
 --> show.toml:4:12
  |
4 | universe = "sacn/0"
  |            ^^^^^^^^
  = help: net is 0 to 127, sub-net and universe within it are 0 to 15
"#,
    );
}

#[test]
fn too_many_bands_are_refused_before_they_are_made() {
    says(
        r#"
name = "Night"
[[group]]
name = "seat-{}"
universe = "sacn/1"
address = 1
personality = "rgb"
count = 1000
[[radio]]
kind = "simulated"
bands_per_group = 1000
"#,
        r#"
error: the radios have 1000000 bands in all
 --> show.toml:8:1
  |
8 | [[radio]]
  | ^^^^^^^^^
  = help: at most 262144: lower `bands_per_group`, or list `groups`
"#,
    );
}

#[test]
fn warns_of_a_show_without_groups_or_radios() {
    says(
        r#"
name = "Night"
"#,
        r#"
warning: the show has no [[group]]: nothing is patched
 --> show.toml

warning: the show has no [[radio]]: no wristband gets light
 --> show.toml
  = help: add [[radio]] with kind = "simulated"
"#,
    );
}

#[test]
fn warns_of_groups_that_partly_overlap() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "stage"
universe = "sacn/1"
address = 3
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
warning: group "stage" shares slots with "floor", from sacn/1/3 on, but is not patched alike
  --> show.toml:10:11
   |
10 | address = 3
   |           ^
  = help: move one of them, or patch both alike
"#,
    );
}

#[test]
fn warns_of_two_personalities_on_the_same_slots() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "stage"
universe = "sacn/1"
address = 1
personality = ["green", "red", "blue"]
[[radio]]
kind = "simulated"
"#,
        r#"
warning: group "stage" shares slots with "floor", from sacn/1/1 on, but is not patched alike
  --> show.toml:10:11
   |
10 | address = 1
   |           ^
  = help: move one of them, or patch both alike
"#,
    );
}

#[test]
fn warns_of_groups_that_no_radio_serves() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[group]]
name = "seat-{}"
universe = "sacn/1"
address = 4
personality = "rgb"
count = 4
[[radio]]
kind = "simulated"
groups = ["seat-1", "seat-3"]
"#,
        r#"
warning: no radio has bands in group "floor"
 --> show.toml:3:8
  |
3 | name = "floor"
  |        ^^^^^^^
  = help: add the group to a radio

warning: no radio has bands in 2 groups, "seat-2" to "seat-4"
 --> show.toml:8:8
  |
8 | name = "seat-{}"
  |        ^^^^^^^^^
  = help: add the group to a radio
"#,
    );
}

#[test]
fn warns_of_real_bands_behind_a_loopback() {
    says(
        r#"
name = "Night"
[network]
interfaces = ["lo", "127.0.0.1", "lo"]
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "gatt"
bands = [{ id = "AA:01", group = "floor" }]
"#,
        r#"
warning: this interface is listed twice
 --> show.toml:3:34
  |
3 | interfaces = ["lo", "127.0.0.1", "lo"]
  |                                  ^^^^
  = help: once is enough

warning: radio "gatt-1" has real bands, but `interfaces` are loopback only: no console is heard
 --> show.toml:9:1
  |
9 | [[radio]]
  | ^^^^^^^^^
  = help: name the interface that the console is on
"#,
    );
}

#[test]
fn warns_of_a_radio_without_bands_and_one_with_too_many() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "gatt"
[[radio]]
kind = "gatt"
max_connections = 1
bands = [{ id = "A", group = "floor" }, { id = "B", group = "floor" }]
"#,
        r#"
warning: this radio has no `bands`: it has nothing to connect to
 --> show.toml:7:1
  |
7 | [[radio]]
  | ^^^^^^^^^
  = help: for example bands = [{ id = "AA:BB:CC:DD:EE:FF", group = "floor-left" }]

warning: 2 bands, but at most 1 connected at a time
  --> show.toml:11:19
   |
11 | max_connections = 1
   |                   ^
  = help: raise `max_connections`, or share them among adapters
"#,
    );
}

#[test]
fn warns_of_a_group_that_stays_dark() {
    says(
        r#"
name = "Night"
[[group]]
name = "floor"
universe = "sacn/1"
address = 1
personality = ["dimmer", "strobe"]
[[radio]]
kind = "simulated"
"#,
        r#"
warning: no slot drives a colour: this group stays dark
 --> show.toml:6:15
  |
6 | personality = ["dimmer", "strobe"]
  |               ^^^^^^^^^^^^^^^^^^^^
  = help: add "red", "green", "blue" or "white"
"#,
    );
}

#[test]
fn a_host_is_a_name_and_not_an_address_of_a_page() {
    says(
        r#"
name = "Night"
[http]
hosts = ["http://relay.venue.example:8420/"]
"#,
        r#"
error: `hosts` is "http://relay.venue.example:8420/": expected a host's name, `relay.venue.example`
 --> show.toml:3:10
  |
3 | hosts = ["http://relay.venue.example:8420/"]
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: without `http://` and without a port; addresses need not be named
"#,
    );
}

#[test]
fn a_relay_thread_that_never_sleeps_and_goes_before_everything_is_warned_of() {
    says(
        r#"
name = "Night"
[network]
busy_wait = true
realtime_priority = 10
core = 1
[[group]]
name = "a"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#,
        r#"
warning: `realtime_priority` with `busy_wait`: the relay thread never lets go of its core. What else must run there stands still, and Linux may halt the thread for 50 ms of every second
 --> show.toml:4:21
  |
4 | realtime_priority = 10
  |                     ^^
  = help: leave one of the two out
"#,
    );
}

#[test]
fn priorities_and_cores_are_those_that_linux_has() {
    says(
        r#"
name = "Night"
[network]
realtime_priority = 100
core = "1"
"#,
        r#"
error: `realtime_priority` is 100: expected a whole number from 1 to 99
 --> show.toml:3:21
  |
3 | realtime_priority = 100
  |                     ^^^

error: `core` is "1": expected a whole number from 0 to 1023
 --> show.toml:4:8
  |
4 | core = "1"
  |        ^^^
  = help: write it without quotes
"#,
    );
}
