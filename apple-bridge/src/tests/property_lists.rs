//! What Apple's systems and its App Review read: without one of these keys there are no packets, no
//! bands, or no release.

use plist::{Dictionary, Value};

fn parse(text: &str) -> Dictionary {
    let value = Value::from_reader_xml(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    value.into_dictionary().expect("a dictionary")
}

/// Whether the user is told something by this key.
fn says(list: &Dictionary, key: &str) -> bool {
    list.get(key).and_then(Value::as_string).is_some_and(|words| words.len() > 20)
}

fn strings<'l>(list: &'l Dictionary, key: &str) -> Vec<&'l str> {
    let array = list.get(key).and_then(Value::as_array);
    array.into_iter().flatten().filter_map(Value::as_string).collect()
}

#[test]
fn the_example_app_asks_for_what_it_needs_and_no_more() {
    let info = parse(include_str!("../../example/Info.plist"));
    assert!(says(&info, "NSLocalNetworkUsageDescription"));
    assert!(says(&info, "NSBluetoothAlwaysUsageDescription"));
    assert_eq!(strings(&info, "UIBackgroundModes"), ["audio", "bluetooth-central"]);
    assert!(info.contains_key("UILaunchScreen"), "without it iOS shows the app in a letter box");
    let rights = parse(include_str!("../../example/WristcastExample.entitlements"));
    assert_eq!(rights.keys().collect::<Vec<_>>(), ["com.apple.developer.networking.multicast"]);
    assert_eq!(rights.values().next(), Some(&Value::Boolean(true)));
}

#[test]
fn the_command_line_has_the_words_that_macos_asks_by() {
    let info = parse(include_str!("../../../cli/macos/Info.plist"));
    assert!(says(&info, "NSLocalNetworkUsageDescription"));
    assert!(says(&info, "NSBluetoothAlwaysUsageDescription"));
    assert!(info.contains_key("CFBundleIdentifier"), "the decision is kept under it");
    assert!(
        info.contains_key("CFBundleVersion") && info.contains_key("CFBundleShortVersionString")
    );
    assert_eq!(info.get("CFBundlePackageType").and_then(Value::as_string), Some("APPL"));
    assert_eq!(info.get("CFBundleExecutable").and_then(Value::as_string), Some("wristcast"));
    assert_eq!(info.get("LSUIElement"), Some(&Value::Boolean(true)), "no icon in the Dock");
    let rights = parse(include_str!("../../../cli/macos/wristcast.entitlements"));
    assert_eq!(rights.get("com.apple.security.device.bluetooth"), Some(&Value::Boolean(true)));
}

/// What a privacy manifest says is read, and why. Nothing is collected, whatever is read.
fn read_by(manifest: &str) -> Vec<(String, Vec<String>)> {
    let manifest = parse(manifest);
    assert_eq!(manifest.get("NSPrivacyTracking"), Some(&Value::Boolean(false)));
    for nothing in ["NSPrivacyTrackingDomains", "NSPrivacyCollectedDataTypes"] {
        assert_eq!(manifest.get(nothing).and_then(Value::as_array), Some(&Vec::new()), "{nothing}");
    }
    let read = manifest.get("NSPrivacyAccessedAPITypes").and_then(Value::as_array).unwrap();
    let one = |one: &Dictionary| {
        let category = one.get("NSPrivacyAccessedAPIType").and_then(Value::as_string);
        let category =
            category.unwrap_or_default().trim_start_matches("NSPrivacyAccessedAPICategory");
        let reasons = strings(one, "NSPrivacyAccessedAPITypeReasons");
        (category.to_owned(), reasons.into_iter().map(str::to_owned).collect())
    };
    read.iter().filter_map(Value::as_dictionary).map(one).collect()
}

#[test]
fn the_privacy_manifests_say_what_is_read_and_that_nothing_is_collected() {
    let of = |category: &str, reason: &str| (category.to_owned(), vec![reason.to_owned()]);
    let package = include_str!("../../swift/Sources/Wristcast/PrivacyInfo.xcprivacy");
    assert_eq!(read_by(package), [of("SystemBootTime", "35F9.1"), of("FileTimestamp", "C617.1")]);
    let example = include_str!("../../example/Sources/PrivacyInfo.xcprivacy");
    assert_eq!(read_by(example), [of("UserDefaults", "CA92.1")]);
}
