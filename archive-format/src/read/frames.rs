//! Reads the column `raw` frame by frame, because a page of frames may be much larger than the memory that may be used.

use std::io::{self, BufReader, Cursor, Read};

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use bytes::Bytes;
use zstd::stream::read::Decoder;

use super::page::{Page, PageCursor, PageError, levels};
use crate::limits;

/// The number of bytes that are decompressed ahead.
const AHEAD_BYTES: usize = 64 << 10;

/// Reads the rows that have a frame, and the frames. Each of the two has its own cursor.
pub(super) struct Frames {
    presence: PageCursor,
    /// The rows of the page that have a frame, and the number of rows already returned.
    levels: (BooleanBuffer, usize),
    values: PageCursor,
    page: Option<OpenPage>,
}

/// A page whose frames are being read.
struct OpenPage {
    content: Content,
    frames_left: usize,
}

/// The decompressed content of a page.
struct Content {
    reader: BufReader<Box<dyn Read + Send>>,
    /// The number of remaining bytes.
    left: u64,
    len: u64,
}

impl Frames {
    /// Creates the reader of the frames from row `skipped` on.
    pub(super) fn new(mut pages: PageCursor, mut skipped: usize) -> Result<Frames, PageError> {
        let mut bytes = 0;
        let mut all = pages.clone();
        while let Some(page) = all.next_page()? {
            bytes += page.len as u64;
        }
        let limit = limits::GROUP_RAW_PAGE_BYTES_MAX;
        if bytes > limit {
            return Err(PageError::TooLarge { found: bytes, limit });
        }
        // whole pages are skipped without decompression
        while skipped > 0 {
            let mut next = pages.clone();
            match next.next_page()? {
                Some(page) if page.values as usize <= skipped => {
                    skipped -= page.values as usize;
                    pages = next;
                }
                _ => break,
            }
        }
        let levels = (BooleanBuffer::new_unset(0), 0);
        let mut frames = Frames { presence: pages.clone(), levels, values: pages, page: None };
        let present = frames.presence(skipped)?;
        for _ in 0..present.count_set_bits() {
            frames.skip()?;
        }
        Ok(frames)
    }

    /// Returns the rows that have a frame, of the next `rows` rows.
    pub(super) fn presence(&mut self, rows: usize) -> Result<BooleanBuffer, PageError> {
        let mut present = BooleanBufferBuilder::new(rows);
        while present.len() < rows {
            let (levels, told) = &mut self.levels;
            let taken = (levels.len() - *told).min(rows - present.len());
            if taken > 0 {
                present.append_buffer(&levels.slice(*told, taken));
                *told += taken;
                continue;
            }
            let page = self.presence.next_page()?.ok_or(content("it has too few rows"))?;
            let mut content = Content::of(&self.presence, &page)?;
            self.levels = (content.read_levels(page.values as usize)?, 0);
        }
        Ok(present.finish())
    }

    /// Reads the next frame.
    pub(super) fn read(&mut self) -> Result<Vec<u8>, PageError> {
        let content = self.content()?;
        let len = content.read_length()?;
        content.read(len)
    }

    /// Skips the next frame.
    pub(super) fn skip(&mut self) -> Result<(), PageError> {
        let content = self.content()?;
        let len = content.read_length()?;
        content.skip(len)
    }

    /// Checks that the last page ends with its last frame.
    pub(super) fn finish(mut self) -> Result<(), PageError> {
        match self.page.take() {
            Some(page) if page.frames_left > 0 => Err(content("it has more frames than rows that need one")),
            Some(page) => page.content.end(),
            None => Ok(()),
        }
    }

    /// Returns the content of the page that has the next frame, positioned at the frame.
    fn content(&mut self) -> Result<&mut Content, PageError> {
        while self.page.as_ref().is_none_or(|page| page.frames_left == 0) {
            if let Some(page) = self.page.take() {
                page.content.end()?;
            }
            let page = self.values.next_page()?.ok_or(content("it has too few frames"))?;
            let mut content = Content::of(&self.values, &page)?;
            let frames_left = content.read_levels(page.values as usize)?.count_set_bits();
            self.page = Some(OpenPage { content, frames_left });
        }
        let page = self.page.as_mut().expect("a page is open");
        page.frames_left -= 1;
        Ok(&mut page.content)
    }
}

fn content(what: &'static str) -> PageError {
    PageError::Content { what }
}

impl Content {
    fn of(pages: &PageCursor, page: &Page) -> Result<Content, PageError> {
        let len = page.len as u64;
        let reader = if pages.is_zstd() { decoder(page.stored.clone()) } else { plain(page.stored.clone()) };
        let reader = reader.map_err(|error| fault(len, &error))?;
        Ok(Content { reader: BufReader::with_capacity(AHEAD_BYTES, reader), left: len, len })
    }

    fn read_levels(&mut self, rows: usize) -> Result<BooleanBuffer, PageError> {
        let len = self.read_length()?;
        // the length of levels with alternating runs
        if len > 4 * rows + 64 {
            return Err(content("its levels are longer than they can be"));
        }
        let bytes = self.read(len)?;
        let mut present = BooleanBufferBuilder::new(rows);
        levels(&bytes, rows, Some(&mut present))?;
        Ok(present.finish())
    }

    /// Reads a length of 4 bytes.
    fn read_length(&mut self) -> Result<usize, PageError> {
        let mut bytes = [0; 4];
        self.took(4)?;
        self.reader.read_exact(&mut bytes).map_err(|error| fault(self.len, &error))?;
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    fn read(&mut self, len: usize) -> Result<Vec<u8>, PageError> {
        self.took(len)?;
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes).map_err(|error| fault(self.len, &error))?;
        Ok(bytes)
    }

    fn skip(&mut self, len: usize) -> Result<(), PageError> {
        self.took(len)?;
        let skipped = io::copy(&mut self.reader.by_ref().take(len as u64), &mut io::sink());
        match skipped.map_err(|error| fault(self.len, &error))? {
            skipped if skipped == len as u64 => Ok(()),
            _ => Err(content("it ends within a frame")),
        }
    }

    fn took(&mut self, len: usize) -> Result<(), PageError> {
        if len > limits::FRAME_BYTES_MAX {
            return Err(content("a frame has more than 16 MiB"));
        }
        match self.left.checked_sub(len as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(content("a frame is longer than the page")),
        }
    }

    /// Checks that nothing follows the last frame.
    fn end(mut self) -> Result<(), PageError> {
        if self.left > 0 {
            return Err(content("bytes follow its last frame"));
        }
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(content("it decompresses to more bytes than its header states")),
            Err(error) => Err(fault(self.len, &error)),
        }
    }
}

fn decoder(stored: Bytes) -> io::Result<Box<dyn Read + Send>> {
    let mut decoder = Decoder::with_buffer(Cursor::new(stored))?.single_frame();
    decoder.window_log_max(limits::ZSTD_WINDOW_LOG_MAX)?;
    Ok(Box::new(decoder))
}

fn plain(stored: Bytes) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(Cursor::new(stored)))
}

fn fault(expected: u64, error: &io::Error) -> PageError {
    PageError::Decompress { expected, found: error.to_string() }
}
