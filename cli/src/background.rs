//! Where threads stand that bring no light: behind those that do, whatever they have to do.
//!
//! What a thread begins inherits its place. So nothing that brings light may be begun by one of these:
//! reloads, which begin radios, have a thread of their own that stands nowhere behind
//! ([`Keeper`](crate::running_show::Keeper)).

/// Sends the calling thread there. It gives way to whoever wakes and wants its processor, and still gets
/// a quarter of one that all want: orders come this way, too, and what holds a lock must let it go. If
/// the system refuses, nothing is lost but some microseconds. Linux and Apple systems have such places;
/// elsewhere this does nothing.
pub(crate) fn stand_behind() {
    system::stand_behind();
}

#[cfg(target_os = "linux")]
mod system {
    /// A quarter of a processor that a usual thread wants, too.
    const NICE: i32 = 5;

    /// What it asks for at a time; the most there is. Who asks for less goes first when it wakes.
    const SLICE_NS: u64 = 100_000_000;

    pub(super) fn stand_behind() {
        let place = libc::sched_attr {
            size: size_of::<libc::sched_attr>() as u32,
            // Interrupts nobody when it wakes.
            sched_policy: libc::SCHED_BATCH as u32,
            sched_flags: 0,
            sched_nice: NICE,
            sched_priority: 0,
            // Since Linux 6.12; earlier ones take no notice.
            sched_runtime: SLICE_NS,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: thread 0 is the calling one, and `place` lives until the call returns.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const place, 0) };
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    pub(super) fn stand_behind() {
        // SAFETY: it changes the calling thread and takes no memory.
        unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_UTILITY, 0) };
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
mod system {
    pub(super) fn stand_behind() {}
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// The nice value of the calling thread, and its scheduling policy.
    fn place() -> (String, String) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // From the third field on: the nice value is the 19th, the policy the 41st.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        (fields[16].to_owned(), fields[38].to_owned())
    }

    #[test]
    fn a_thread_stands_behind_with_those_it_begins_and_no_others() {
        let before = place();
        let behind = std::thread::spawn(|| {
            stand_behind();
            (place(), std::thread::spawn(place).join().unwrap())
        });
        let (inside, begun) = behind.join().unwrap();
        assert_eq!(inside, ("5".to_owned(), "3".to_owned()));
        assert_eq!(begun, inside);
        assert_eq!(place(), before);
    }
}
