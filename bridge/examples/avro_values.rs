//! Writes messages as the values of Kafka records, so that independent readers can decode them.
//!
//! Reads lines as `tradesim cat` prints them, writes for each the length of its value (4 bytes, little-endian) and the
//! value, with 1, 2 or 3 as the schema's id for trades, order books and candles. `.ci/avro_oracle.py` is the reader.

use std::{
    error::Error,
    io::{self, BufRead, BufWriter, Write},
};

use tradesim_bridge::avro::write_confluent;
use tradesim_schemas::{ReadOptions, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut value = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let message = read(line.as_bytes(), ReadOptions::default()).map_err(|refusal| refusal.to_string())?;
        value.clear();
        write_confluent(&message, 1 + message.event_type() as u32, &mut value);
        out.write_all(&u32::try_from(value.len())?.to_le_bytes())?;
        out.write_all(&value)?;
    }
    out.flush()?;
    Ok(())
}
