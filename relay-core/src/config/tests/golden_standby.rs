//! Wrong `[standby]` tables and what is said about them, word for word.

use super::golden::says;

/// A show whose `[standby]` has these lines.
#[track_caller]
fn standby_says(lines: &str, expected: &str) {
    let groups = "[[group]]\nname = \"floor\"\nuniverse = \"sacn/1\"\naddress = 1\n\
                  personality = \"rgb\"\n[[radio]]\nkind = \"simulated\"\n";
    says(&format!("name = \"Night\"\n[standby]\n{}\n{groups}", lines.trim()), expected);
}

#[test]
fn a_standby_needs_a_role_a_peer_and_a_key() {
    standby_says(
        "take_over_ms = 500",
        r#"
error: [standby] needs `role`, `peer` and `key`
 --> show.toml:2:1
  |
2 | [standby]
  | ^^^^^^^^^
  = help: for example role = "preferred", peer = ["10.0.0.2:5570"], key = "standby.key"
"#,
    );
}

#[test]
fn the_other_relay_is_one_machine_with_a_port_and_not_this_one() {
    standby_says(
        r#"
role = "preferred"
peer = ["10.0.0.3", "0.0.0.0:5570"]
key = "none"
"#,
        r#"
error: `peer` is "10.0.0.3": expected an address and a port
 --> show.toml:4:9
  |
4 | peer = ["10.0.0.3", "0.0.0.0:5570"]
  |         ^^^^^^^^^^
  = help: for example "10.0.0.2:5570"

error: `peer` is "0.0.0.0:5570": expected the address of one machine
 --> show.toml:4:21
  |
4 | peer = ["10.0.0.3", "0.0.0.0:5570"]
  |                     ^^^^^^^^^^^^^^
"#,
    );
    standby_says(
        r#"
role = "preferred"
peer = ["10.0.0.3:5570", "10.0.0.3:5570"]
key = "none"
listen = "10.0.0.2:0"
"#,
        r#"
error: "10.0.0.3:5570" is listed twice
 --> show.toml:4:26
  |
4 | peer = ["10.0.0.3:5570", "10.0.0.3:5570"]
  |                          ^^^^^^^^^^^^^^^
  = help: once is enough

error: `listen` is "10.0.0.2:0": expected an address and a port
 --> show.toml:6:10
  |
6 | listen = "10.0.0.2:0"
  |          ^^^^^^^^^^^^
  = help: for example "10.0.0.2:5570"
"#,
    );
    standby_says(
        r#"
role = "preferred"
peer = ["10.0.0.3:5570", "[fd00::3]:5570"]
key = "none"
listen = "10.0.0.3:5570"
"#,
        r#"
error: this is where this relay listens
 --> show.toml:4:9
  |
4 | peer = ["10.0.0.3:5570", "[fd00::3]:5570"]
  |         ^^^^^^^^^^^^^^^
  = help: `peer` is where the other relay listens

error: 10.0.0.3:5570, where this relay listens, does not reach it
 --> show.toml:4:26
  |
4 | peer = ["10.0.0.3:5570", "[fd00::3]:5570"]
  |                          ^^^^^^^^^^^^^^^^
  = help: give both relays addresses of IPv4, or both of IPv6
"#,
    );
    standby_says(
        r#"
role = "backup"
peer = []
key = "none"
"#,
        r#"
error: `peer` is a list: expected the address of the other relay
 --> show.toml:4:8
  |
4 | peer = []
  |        ^^
"#,
    );
    standby_says(
        r#"
role = "backup"
peer = ["10.0.0.3:5570", "10.0.1.3:5570", "10.0.2.3:5570"]
key = "none"
"#,
        r#"
error: `peer` lists 3: at most 2
 --> show.toml:4:8
  |
4 | peer = ["10.0.0.3:5570", "10.0.1.3:5570", "10.0.2.3:5570"]
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_key_that_is_not_there_can_be_made() {
    standby_says(
        r#"
role = "backup"
peer = ["10.0.0.3:5570"]
key = "standby.key"
"#,
        r#"
error: key file "standby.key": no folder belongs to this show
 --> show.toml:5:7
  |
5 | key = "standby.key"
  |       ^^^^^^^^^^^^^
  = help: make one beside the show: wristcast keys new standby.key
"#,
    );
}

#[test]
fn times_and_choices_of_a_standby_have_bounds() {
    standby_says(
        r#"
role = "second"
peer = ["10.0.0.3:5570"]
key = "none"
take_over_ms = 50
input_loss_ms = 90000
give_back = true
broadcast = "none"
heartbeat_ms = 20
"#,
        r#"
error: `role` is "second": expected `preferred` or `backup`
 --> show.toml:3:8
  |
3 | role = "second"
  |        ^^^^^^^^

error: `take_over_ms` is 50: expected a whole number from 100 to 10000 ms
 --> show.toml:6:16
  |
6 | take_over_ms = 50
  |                ^^

error: `input_loss_ms` is 90000: expected a whole number from 100 to 60000 ms
 --> show.toml:7:17
  |
7 | input_loss_ms = 90000
  |                 ^^^^^

error: `give_back` is true: expected `by_hand` or `auto`
 --> show.toml:8:13
  |
8 | give_back = true
  |             ^^^^

error: `broadcast` is "none": expected `one` or `both`
 --> show.toml:9:13
  |
9 | broadcast = "none"
  |             ^^^^^^
  = help: did you mean "one"?

error: [standby] has no key `heartbeat_ms`
  --> show.toml:10:1
   |
10 | heartbeat_ms = 20
   | ^^^^^^^^^^^^
  = help: there is `role`, `peer`, `key`, `listen`, `take_over_ms`, `input_loss_ms`, `give_back` and `broadcast`
"#,
    );
}
