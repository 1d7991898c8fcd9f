//! A memory-mapped file that may be truncated while it is read: the only unsafe code of the workspace.
//!
//! Reading a page of a mapping beyond the end of its file raises SIGBUS, which ends the process. A finished archive should
//! not change, but files on shared disks do. Therefore a signal handler, installed once and chained to the previous one,
//! handles faults at addresses inside our own mappings only: it maps anonymous zero pages over the rest of the mapping and
//! marks the mapping as truncated. The interrupted copy finishes with zeros; its caller then checks the mark and discards
//! the copy. A signal that was sent by a process has no address, and keeps its meaning.

use std::{
    fs::File,
    io,
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering, fence},
    },
};

use memmap2::Mmap;

/// The maximum number of mappings at a time. Other files are read without a mapping.
const SLOTS: usize = 64;

/// The start address of a free slot.
const FREE: usize = 0;
/// The start address of a slot that is reserved, but has no mapping yet or no longer.
const TAKEN: usize = 1;

/// A mapping as the signal handler sees it. The handler may read a slot while another thread releases it and a third one
/// reserves it. The address of one mapping with the length of the other would describe memory that is not ours; `version`
/// detects such a pair (a sequence lock, whose readers never wait).
struct Slot {
    /// Odd while the other fields change; increased by each change.
    version: AtomicUsize,
    /// The start address of the mapping, or [`FREE`], or [`TAKEN`].
    start: AtomicUsize,
    /// The length of the mapping in bytes.
    len: AtomicUsize,
    /// Set by the handler when the file was truncated.
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

    /// Reserves the slot for a mapping, if it is free.
    fn occupy(&self, start: usize, len: usize) -> bool {
        if self.start.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        self.cut.store(false, Ordering::Relaxed);
        self.change(start, len);
        true
    }

    /// Releases the slot.
    fn free(&self) {
        self.change(TAKEN, 0);
        self.start.store(FREE, Ordering::Release);
    }

    /// Changes the mapping. Only the thread that has reserved the slot calls this.
    fn change(&self, start: usize, len: usize) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.start.store(start, Ordering::Relaxed);
        self.len.store(len, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// Returns the start and end address of the mapping, if there is one. A slot that changes at the same time counts as
    /// empty: it cannot be the mapping of the caller, because a mapping is not released during a copy.
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

/// The highest `si_code` of a signal that a process sent (`kill`, `sigqueue`, `tgkill`); those of the kernel are above.
const SENT: libc::c_int = 0;

/// The error of a file that was truncated under its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated;

/// A file mapped for reading.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: Mmap,
    slot: usize,
}

impl Mapping {
    /// Maps a file. Returns `None` if the mapping cannot be protected; then use plain reads.
    ///
    /// # Errors
    /// Returns an error if the operating system cannot map the file.
    pub(crate) fn new(file: &File) -> io::Result<Option<Mapping>> {
        if !install_handler() {
            return Ok(None);
        }
        // SAFETY: the bytes of the mapping are never accessed through a reference, only copied by `copy` through a raw
        // pointer, so another process may change them. If the file is truncated, the handler of this module prevents
        // the end of the process, and `copy` returns an error.
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
    /// Returns [`Truncated`] if the file was truncated under the mapping, now or before.
    ///
    /// # Panics
    /// Panics if the range is not within the mapping.
    pub(crate) fn copy(&self, offset: usize, len: usize) -> Result<Vec<u8>, Truncated> {
        assert!(offset <= self.map.len() && len <= self.map.len() - offset);
        let mut bytes = Vec::with_capacity(len);
        // SAFETY: the source is within the mapping (asserted above), which lives as long as `self`. Its pages are those
        // of the file or, after a truncation, the zero pages that the handler of this module mapped, so every address
        // can be read. The destination has the capacity and is not shared. All `len` bytes are written before the
        // length is set. Bytes that another process changes during the copy have any value, and the digest finds that.
        unsafe {
            std::ptr::copy_nonoverlapping(self.map.as_ptr().add(offset), bytes.as_mut_ptr(), len);
            bytes.set_len(len);
        }
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
        if WATCHED[self.slot].cut.load(Ordering::Acquire) { Err(Truncated) } else { Ok(bytes) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // before the mapping is removed, because its addresses may be reused immediately
        WATCHED[self.slot].free();
    }
}

/// Installs the handler at the first call. Returns true if it is installed.
fn install_handler() -> bool {
    static INSTALL: Once = Once::new();
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    INSTALL.call_once(|| {
        // SAFETY: plain calls of libc with valid pointers to local values. `sigaction` is a C struct for which all
        // zeros is a valid value. The handler does only what is allowed in a signal handler: atomics, `mmap` (a bare
        // system call) and a call of the previous handler. `PREVIOUS` is set before the handler can run.
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
        // SAFETY: as above, and `si_addr` is set for a SIGBUS that the kernel raised.
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

/// Maps zero pages over a mapping, from the page of `address` to its end.
fn cover(address: usize, end: usize) -> bool {
    let page = PAGE_BYTES.load(Ordering::Relaxed);
    let from = address & !(page - 1);
    let len = end.next_multiple_of(page) - from;
    // SAFETY: the range is within one of our mappings, which consists of whole pages and is not shared with other code;
    // replacing its pages does not affect other memory. The owner of the mapping unmaps the range later.
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

/// Passes a signal that does not concern our mappings to the previous handler.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void, is_fault: bool) {
    let previous = PREVIOUS.get();
    let handler = previous.map_or(libc::SIG_DFL, |action| action.sa_sigaction);
    if handler == libc::SIG_IGN && !is_fault {
        return;
    }
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // SAFETY: resets the signal to its default. After a fault, the faulting instruction runs again on return and ends
        // the process, as it would without this handler. A signal that was sent by a process is not repeated, so it is
        // raised again, which is allowed in a handler; it is blocked until the handler returns, and then ends the process.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            if !is_fault {
                libc::raise(signal);
            }
        }
        return;
    }
    let with_info = previous.is_some_and(|action| action.sa_flags & libc::SA_SIGINFO != 0);
    // SAFETY: the kernel returned this address as that of the previous handler, with the flag that distinguishes the two
    // possible signatures.
    unsafe {
        if with_info {
            type WithInfo = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            std::mem::transmute::<usize, WithInfo>(handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler)(signal);
        }
    }
    if !is_fault {
        // the standard library's handler, which detects stack overflows, resets the signal and expects the faulting
        // instruction to run again, but a signal that was sent has none
        // SAFETY: calls that are allowed in a handler, with a valid pointer to a local value, for which all zeros is valid.
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
        assert_eq!(mapping.copy(0, 1 << 20), Err(Truncated));
        // after a truncation, the whole mapping is rejected
        assert_eq!(mapping.copy(0, 10), Err(Truncated));
    }

    #[test]
    fn a_slot_is_never_seen_with_one_mappings_address_and_anothers_length() {
        // the address of each mapping determines its length
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
        assert!(!slot.occupy(MAPPINGS[1].0, MAPPINGS[1].1), "a reserved slot is not free");
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
