//! A mapped file that may be truncated under us: the only unsafe code of the workspace.
//!
//! Reading a page of a mapping beyond the end of its file raises SIGBUS, which ends the process. A sealed archive is
//! not supposed to change, but files on shared disks do. So a handler, installed once and chained to the one before it,
//! answers for addresses inside our own mappings, and for no others: it lays anonymous zero pages over the rest of the
//! mapping and marks it as cut. The copy that met the hole then finishes with zeros, and its caller, who looks at the
//! mark afterwards, throws the copy away. A signal that a process sent has no address and keeps its meaning.

use std::{
    fs::File,
    io,
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    },
};

use memmap2::Mmap;

/// Mappings that can be watched at a time; further files are read without a mapping.
const SLOTS: usize = 64;

/// The first address of a slot that is not taken.
const FREE: usize = 0;
/// The first address of a slot that is taken and has no mapping yet, or no longer.
const TAKEN: usize = 1;

/// A mapping as the signal handler sees it. The handler may read a slot while another thread gives it back and a third
/// one takes it, so that the address of one mapping and the length of the other would name memory that is not ours;
/// `version` tells such a pair from a whole one (a sequence lock, whose readers never wait).
struct Slot {
    /// Odd while the other fields change, and another number afterwards.
    version: AtomicUsize,
    /// Its first address, or [`FREE`], or [`TAKEN`].
    start: AtomicUsize,
    /// Its length in bytes.
    len: AtomicUsize,
    /// Set by the handler.
    cut: AtomicBool,
}

impl Slot {
    const fn new() -> Slot {
        Slot {
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(FREE),
            len: AtomicUsize::new(0),
            cut: AtomicBool::new(false),
        }
    }

    /// Takes the slot for a mapping, if it is free.
    fn occupy(&self, start: usize, len: usize) -> bool {
        if self.start.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.cut.store(false, Ordering::Relaxed);
        self.change(start, len);
        true
    }

    /// Gives the slot back.
    fn free(&self) {
        self.change(TAKEN, 0);
        self.start.store(FREE, Ordering::Release);
    }

    /// Changes the mapping. Only the thread that has taken the slot comes here.
    fn change(&self, start: usize, len: usize) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.start.store(start, Ordering::Relaxed);
        self.len.store(len, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// The first address and the end of the mapping, if there is one. A slot that changes meanwhile does not belong to
    /// whoever asks, because nobody gives back a mapping that is being copied from; it counts as empty.
    fn range(&self) -> Option<(usize, usize)> {
        let version = self.version.load(Ordering::Acquire);
        let start = self.start.load(Ordering::Relaxed);
        let len = self.len.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        (is_whole && start != FREE && start != TAKEN).then(|| (start, start.wrapping_add(len)))
    }
}

static WATCHED: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// The highest code of a signal that a process sent (`kill`, `sigqueue`, `tgkill`); the kernel's own are above.
const SENT: libc::c_int = 0;

/// The bytes under a mapping were cut away while they were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// A file mapped for reading.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: Mmap,
    slot: usize,
}

impl Mapping {
    /// Maps a file; `None` if it cannot be watched, and plain reads are the way then.
    ///
    /// # Errors
    /// What the operating system says to the mapping.
    pub(crate) fn new(file: &File) -> io::Result<Option<Mapping>> {
        if !install_handler() {
            return Ok(None);
        }
        // SAFETY: the bytes of the mapping are never seen through a reference, only copied out by `copy` through a raw
        // pointer, so that another process may change them. If the file is truncated meanwhile, the handler of this
        // module keeps the copy from ending the process, and `copy` reports it.
        let map = unsafe { Mmap::map(file)? };
        if map.is_empty() {
            return Ok(None);
        }
        for (slot, watched) in WATCHED.iter().enumerate() {
            if watched.occupy(map.as_ptr() as usize, map.len()) {
                return Ok(Some(Mapping { map, slot }));
            }
        }
        Ok(None)
    }

    /// Copies bytes out of the mapping.
    ///
    /// # Errors
    /// [`Cut`] if the file was truncated under the mapping, now or before.
    ///
    /// # Panics
    /// If the range is not within the mapping.
    pub(crate) fn copy(&self, offset: usize, len: usize) -> Result<Vec<u8>, Cut> {
        assert!(offset <= self.map.len() && len <= self.map.len() - offset);
        let mut bytes = Vec::with_capacity(len);
        // SAFETY: the source lies within the mapping (asserted above), which lives as long as `self`; its pages are the
        // file's or, after a truncation, zero pages that the handler of this module put there, so every address can be
        // read. The destination has the capacity and is ours alone. All `len` bytes are written before the length is
        // set. Bytes that another process changes during the copy come out in any state, and the digest finds that.
        unsafe {
            std::ptr::copy_nonoverlapping(self.map.as_ptr().add(offset), bytes.as_mut_ptr(), len);
            bytes.set_len(len);
        }
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
        if WATCHED[self.slot].cut.load(Ordering::Acquire) { Err(Cut) } else { Ok(bytes) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // before the mapping goes: its addresses may be given to someone else at once
        WATCHED[self.slot].free();
    }
}

/// Installs the handler the first time; whether it is in place.
fn install_handler() -> bool {
    static INSTALL: Once = Once::new();
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    INSTALL.call_once(|| {
        // SAFETY: plain calls of libc with valid pointers to local values. `sigaction` is a C struct for which all
        // zeros is a valid value. The handler does only what is allowed in one: atomics, `mmap` (a bare system call)
        // and the handler before it. `PREVIOUS` is set before the handler can run.
        let installed = unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE);
            let mut previous: libc::sigaction = std::mem::zeroed();
            let known = libc::sigaction(libc::SIGBUS, std::ptr::null(), &mut previous) == 0;
            if page <= 0 || !known || PREVIOUS.set(previous).is_err() {
                false
            } else {
                PAGE_BYTES.store(page as usize, Ordering::Relaxed);
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_sigbus as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigemptyset(&mut action.sa_mask);
                libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) == 0
            }
        };
        INSTALLED.store(installed, Ordering::Release);
    });
    INSTALLED.load(Ordering::Acquire)
}

extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `info` to a handler with SA_SIGINFO.
    let is_fault = unsafe { (*info).si_code } > SENT;
    if is_fault {
        // SAFETY: as above, and for a SIGBUS that the kernel raised it holds the address.
        let address = unsafe { (*info).si_addr() } as usize;
        for slot in &WATCHED {
            if let Some((start, end)) = slot.range()
                && (start..end).contains(&address)
                && cover(address, end)
            {
                slot.cut.store(true, Ordering::Release);
                return;
            }
        }
    }
    pass_on(signal, info, context, is_fault);
}

/// Lays zero pages over a mapping, from the page of `address` to its end.
fn cover(address: usize, end: usize) -> bool {
    let page = PAGE_BYTES.load(Ordering::Relaxed);
    let from = address & !(page - 1);
    let len = end.next_multiple_of(page) - from;
    // SAFETY: the range lies within one of our mappings, which whole pages make up and which nobody else may use;
    // replacing its pages affects no other memory. The mapping's owner unmaps the range later, whatever is in it.
    let mapped = unsafe {
        libc::mmap(
            from as *mut libc::c_void,
            len,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    mapped != libc::MAP_FAILED
}

/// Leaves a signal that is not about our mappings to the handler before ours.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void, is_fault: bool) {
    let previous = PREVIOUS.get();
    let handler = previous.map_or(libc::SIG_DFL, |action| action.sa_sigaction);
    if handler == libc::SIG_IGN && !is_fault {
        return;
    }
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // SAFETY: resets the signal to its default. After a fault the faulting instruction runs again on return and ends
        // the process, as it would have done without us. No instruction repeats a signal that was sent, so that it is
        // raised again, which a handler may do; it is blocked until the handler returns, and ends the process then.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            if !is_fault {
                libc::raise(signal);
            }
        }
        return;
    }
    let with_info = previous.is_some_and(|action| action.sa_flags & libc::SA_SIGINFO != 0);
    // SAFETY: the kernel told us this address as that of the handler before ours, with the flag that tells which of the
    // two signatures it has.
    unsafe {
        if with_info {
            type WithInfo = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            std::mem::transmute::<usize, WithInfo>(handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal);
        }
    }
    if !is_fault {
        // the standard library's handler, which looks for overflows of the stack, resets the signal and counts on the
        // faulting instruction to run again; there is none
        // SAFETY: calls that a handler may make, with a valid pointer to a local value, for which all zeros is a valid value.
        unsafe {
            let mut current: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &mut current) == 0
                && current.sa_sigaction == libc::SIG_DFL
            {
                libc::raise(signal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_truncated_mapping_is_reported_and_the_process_lives() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 1 << 20]).unwrap();
        let mapping = Mapping::new(&file).unwrap().unwrap();
        assert_eq!(mapping.copy(1 << 19, 100), Ok(vec![7; 100]));
        file.set_len(5_000).unwrap();
        assert_eq!(mapping.copy(0, 4_096), Ok(vec![7; 4_096]));
        assert_eq!(mapping.copy(0, 1 << 20), Err(Cut));
        // once cut, nothing of it is trusted
        assert_eq!(mapping.copy(0, 10), Err(Cut));
    }

    #[test]
    fn a_slot_is_never_seen_with_one_mappings_address_and_anothers_length() {
        // of each mapping the length is told by the address
        const MAPPINGS: [(usize, usize); 2] = [(0x10_0000, 0x1000), (0x20_0000, 0x8_0000)];
        let slot = Slot::new();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for turn in 0..400_000 {
                    let (start, len) = MAPPINGS[turn % 2];
                    assert!(slot.occupy(start, len));
                    slot.free();
                }
                ended.store(true, Ordering::Release);
            });
            while !ended.load(Ordering::Acquire) {
                if let Some((start, end)) = slot.range() {
                    assert!(MAPPINGS.contains(&(start, end - start)), "{start:x} to {end:x}");
                }
            }
        });
        assert_eq!(slot.range(), None);
        assert!(slot.occupy(MAPPINGS[0].0, MAPPINGS[0].1));
        assert_eq!(slot.range(), Some((0x10_0000, 0x10_1000)));
        assert!(!slot.occupy(MAPPINGS[1].0, MAPPINGS[1].1), "a slot that is taken is not free");
    }

    #[test]
    fn slots_are_given_back() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        for _ in 0..10 * SLOTS {
            let mapping = Mapping::new(&file).unwrap();
            if let Some(mapping) = mapping {
                assert_eq!(mapping.copy(3, 4), Ok(b"tent".to_vec()));
            }
        }
    }
}
