//! What goes wrong between us and a band, in words an operator can act on.
//!
//! btleplug hands on what the system said; on Linux that is an error of D-Bus or BlueZ, known by
//! its name and, for the many that are just "failed", by its text.

use super::command::Trouble;

/// In plain words, and whether trying again can help.
pub(super) fn explain(error: &btleplug::Error) -> Trouble {
    use btleplug::Error;
    match error {
        Error::PermissionDenied => no_permission(),
        Error::DeviceNotFound => Trouble::passing("out of range or switched off"),
        Error::NotConnected => Trouble::passing("connection lost"),
        Error::NoAdapterAvailable => no_adapter(),
        Error::NoSuchCharacteristic | Error::UnexpectedCharacteristic => {
            Trouble::lasting("it does not have what its profile says: is it another kind of band?")
        }
        Error::TimedOut(after) => {
            Trouble::passing(format!("no answer within {} s", after.as_secs()))
        }
        Error::NotSupported(what) => {
            Trouble::lasting(format!("this system's Bluetooth cannot do this: {what}"))
        }
        Error::Other(inner) => explain_system(inner.as_ref()),
        other => Trouble::passing(other.to_string()),
    }
}

fn explain_system(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Trouble {
    #[cfg(target_os = "linux")]
    if let Some(error) = error.downcast_ref::<bluez_async::BluetoothError>() {
        return explain_bluez(error);
    }
    let text = error.to_string();
    // What Apple and Windows say in a text of their own.
    if text.contains("onnection limit") || text.contains("maximum number of connections") {
        return full();
    }
    Trouble::passing(text)
}

#[cfg(target_os = "linux")]
fn explain_bluez(error: &bluez_async::BluetoothError) -> Trouble {
    use bluez_async::BluetoothError;
    match error {
        BluetoothError::NoBluetoothAdapters => no_adapter(),
        BluetoothError::ServiceDiscoveryTimedOut => {
            Trouble::passing("connected, but did not say what it can do: too far away?")
        }
        BluetoothError::DbusError(error) => {
            explain_dbus(error.name().unwrap_or_default(), error.message().unwrap_or_default())
        }
        other => Trouble::passing(other.to_string()),
    }
}

/// An error of D-Bus or BlueZ by its name and text (BlueZ: `doc/org.bluez.*`, `src/error.c`).
#[cfg(any(target_os = "linux", test))]
fn explain_dbus(name: &str, text: &str) -> Trouble {
    let kind = name.rsplit('.').next().unwrap_or_default();
    if name.starts_with("org.freedesktop.DBus.Error.Spawn.") {
        return not_running();
    }
    if name.starts_with("org.freedesktop.DBus.") {
        return match kind {
            "FileNotFound" | "NoServer" => Trouble::lasting(
                "no system D-Bus on this machine: start it, and BlueZ's bluetoothd after it",
            ),
            "ServiceUnknown" | "NameHasNoOwner" => not_running(),
            "AccessDenied" | "AuthFailed" => no_permission(),
            "NoReply" | "Timeout" | "TimedOut" => {
                Trouble::passing("bluetoothd does not answer; if this stays, restart it")
            }
            "Disconnected" => Trouble::passing("lost contact with the system D-Bus"),
            "UnknownObject" | "UnknownMethod" | "UnknownInterface" => {
                Trouble::passing("bluetoothd no longer knows it: looking again")
            }
            _ => Trouble::passing(format!("D-Bus: {text} ({kind})")),
        };
    }
    match kind {
        "NotReady" => switched_off(),
        "DoesNotExist" => Trouble::passing("out of range or switched off"),
        "NotConnected" => Trouble::passing("connection lost"),
        "InProgress" | "Busy" => Trouble::passing("the adapter is busy; trying again"),
        "AuthenticationFailed"
        | "AuthenticationCanceled"
        | "AuthenticationRejected"
        | "AuthenticationTimeout"
        | "NotAuthorized" => needs_pairing(),
        "NotPermitted" => Trouble::lasting(format!("the band does not take it: {text}")),
        "NotSupported" => {
            Trouble::lasting("it does not have what its profile says: is it another kind of band?")
        }
        "ConnectionAttemptFailed" => explain_failed("Connection attempt failed"),
        _ => explain_failed(text),
    }
}

/// BlueZ's `Failed`, by its text: the kernel's errors and a few of BlueZ's own.
#[cfg(any(target_os = "linux", test))]
fn explain_failed(text: &str) -> Trouble {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    if has(&["rfkill"]) {
        Trouble::lasting("Bluetooth is blocked by rfkill: `rfkill unblock bluetooth`")
    } else if has(&["Not Powered", "adapter-not-powered", "powered off"]) {
        switched_off()
    } else if has(&["auth", "encrypt", "key-missing", "error: 0x05", "error: 0x0f"]) {
        needs_pairing()
    } else if has(&["error: 0x0e"]) {
        // "Unlikely error": how BlueZ ends what was under way when a connection breaks.
        Trouble::passing("connection lost")
    } else if has(&["ATT error"]) {
        Trouble::lasting("the band refuses the frame: is it another kind than its profile?")
    } else if has(&["limit", "resources", "memory", "Too many links"]) {
        full()
    } else if has(&["Not connected", "profile-unavailable"]) {
        Trouble::passing("connection lost")
    } else if has(&["In Progress", "in progress", "busy"]) {
        Trouble::passing("the adapter is busy; trying again")
    } else if has(&["abort", "refused", "timed out", "timeout", "Host is down", "unreachable"]) {
        Trouble::passing("did not answer: out of range, switched off or in use by another")
    } else {
        Trouble::passing(format!("BlueZ: {text}"))
    }
}

/// The adapter refuses a further connection.
fn full() -> Trouble {
    Trouble::full("the adapter has no connection left: it waits for one, or add an adapter")
}

/// No adapter at all.
pub(super) fn no_adapter() -> Trouble {
    Trouble::lasting(
        "no Bluetooth adapter: plug one in; `rfkill list` shows whether one is blocked",
    )
}

/// The adapter is there and off.
pub(super) fn switched_off() -> Trouble {
    Trouble::lasting("the Bluetooth adapter is switched off: `bluetoothctl power on`")
}

#[cfg(any(target_os = "linux", test))]
fn not_running() -> Trouble {
    Trouble::lasting(
        "bluetoothd does not run: start it, for instance with `systemctl start bluetooth`",
    )
}

fn no_permission() -> Trouble {
    Trouble::lasting(
        "this user may not use Bluetooth: on Linux, join the group `bluetooth` or ask the \
         administrator; on macOS, allow it in the privacy settings",
    )
}

#[cfg(any(target_os = "linux", test))]
fn needs_pairing() -> Trouble {
    Trouble::lasting("it wants to be paired first: pair it in the system's Bluetooth settings")
}

#[cfg(test)]
mod tests {
    use super::super::command::TroubleKind;
    use super::*;

    #[test]
    fn what_the_system_says_becomes_words_with_a_remedy() {
        for (name, text, words, lasting) in [
            ("org.freedesktop.DBus.Error.FileNotFound", "", "no system D-Bus", true),
            ("org.freedesktop.DBus.Error.ServiceUnknown", "", "bluetoothd does not run", true),
            ("org.freedesktop.DBus.Error.Spawn.ChildExited", "", "bluetoothd does not run", true),
            ("org.freedesktop.DBus.Error.AccessDenied", "", "may not use Bluetooth", true),
            ("org.freedesktop.DBus.Error.NoReply", "", "does not answer", false),
            ("org.freedesktop.DBus.Error.UnknownObject", "", "no longer knows it", false),
            ("org.freedesktop.DBus.Error.LimitsExceeded", "too many", "too many", false),
            ("org.bluez.Error.NotReady", "", "switched off", true),
            ("org.bluez.Error.Failed", "Not Powered", "switched off", true),
            ("org.bluez.Error.Failed", "Blocked through rfkill", "rfkill unblock", true),
            ("org.bluez.Error.Failed", "le-connection-abort-by-local", "did not answer", false),
            ("org.bluez.Error.Failed", "Software caused connection abort", "did not", false),
            ("org.bluez.Error.Failed", "Connection timed out", "did not answer", false),
            ("org.bluez.Error.Failed", "Not connected", "connection lost", false),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0f", "paired", true),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0d", "refuses", true),
            ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e", "lost", false),
            ("org.bluez.Error.InProgress", "", "busy", false),
            ("org.bluez.Error.NotPermitted", "Write not permitted", "not take it", true),
            ("org.bluez.Error.Failed", "Something new", "Something new", false),
        ] {
            let trouble = explain_dbus(name, text);
            assert!(trouble.words.contains(words), "{name} {text}: {}", trouble.words);
            assert_eq!(trouble.kind == TroubleKind::Lasting, lasting, "{name} {text}");
        }
    }

    #[test]
    fn an_adapter_without_a_connection_left_is_known_as_such() {
        for text in [
            "le-connection-concurrent-connection-limit",
            "Too many links",
            "Cannot allocate memory",
        ] {
            let trouble = explain_dbus("org.bluez.Error.Failed", text);
            assert_eq!(trouble.kind, TroubleKind::Full, "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_error_of_bluez_is_found_inside_that_of_btleplug() {
        let dbus = dbus::Error::new_custom("org.bluez.Error.NotReady", "Resource Not Ready");
        let error = btleplug::Error::from(bluez_async::BluetoothError::DbusError(dbus));
        assert_eq!(explain(&error), switched_off());
    }
}
