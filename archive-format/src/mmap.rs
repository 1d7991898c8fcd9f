//! A mapped file that may be truncated under us: the only unsafe code of the workspace.
//!
//! Reading a page of a mapping beyond the end of its file raises SIGBUS, which ends the process. A sealed archive is
//! not supposed to change, but files on shared disks do. So a handler, installed once and chained to the one before it,
//! answers for addresses inside our own mappings, and for no others: it lays anonymous zero pages over the rest of the
//! mapping and marks it as cut. The copy that met the hole then finishes with zeros, and its caller, who looks at the
//! mark afterwards, throws the copy away.

use std::{
    fs::File,
    io,
    sync::{
        Once, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use memmap2::Mmap;

/// Mappings that can be watched at a time; further files are read without a mapping.
const SLOTS: usize = 64;

/// A mapping as the signal handler sees it.
struct Slot {
    /// Its first address; 0 is a free slot, 1 one that is being taken.
    start: AtomicUsize,
    /// Its length in bytes.
    len: AtomicUsize,
    /// Set by the handler.
    cut: AtomicBool,
}

static WATCHED: [Slot; SLOTS] =
    [const { Slot { start: AtomicUsize::new(0), len: AtomicUsize::new(0), cut: AtomicBool::new(false) } };
        SLOTS];
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

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
            if watched.start.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                watched.len.store(map.len(), Ordering::Relaxed);
                watched.cut.store(false, Ordering::Relaxed);
                watched.start.store(map.as_ptr() as usize, Ordering::Release);
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
        WATCHED[self.slot].start.store(0, Ordering::Release);
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
    // SAFETY: the kernel passes a valid `info` to a handler with SA_SIGINFO, and for SIGBUS it holds the address.
    let address = unsafe { (*info).si_addr() } as usize;
    for slot in &WATCHED {
        let start = slot.start.load(Ordering::Acquire);
        let end = start.wrapping_add(slot.len.load(Ordering::Relaxed));
        if start > 1 && (start..end).contains(&address) && cover(address, end) {
            slot.cut.store(true, Ordering::Release);
            return;
        }
    }
    pass_on(signal, info, context);
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
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let previous = PREVIOUS.get();
    let handler = previous.map_or(libc::SIG_DFL, |action| action.sa_sigaction);
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // SAFETY: resets the signal to its default; the faulting instruction runs again on return and ends the
        // process, as it would have done without us.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
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
