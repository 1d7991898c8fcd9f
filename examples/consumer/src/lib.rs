//! A small consumer of a market data stream: the volume-weighted average price of a symbol's executions.

use serde_json::Value;

/// The executed volume of a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Shares.
    pub shares: u64,
    /// Price times shares, in units of 0.0001.
    pub turnover: u128,
}

impl Volume {
    /// The average price in units of 0.0001, rounded half up; `None` where nothing was executed.
    pub fn vwap(&self) -> Option<u128> {
        let shares = u128::from(self.shares);
        (2 * self.turnover + shares).checked_div(2 * shares)
    }
}

/// Reads the trades of a symbol until the stream is delivered.
pub fn volume(url: &str, symbol: &str) -> Result<Volume, Box<dyn std::error::Error>> {
    let (mut socket, _) = tungstenite::connect(format!("{url}/?symbols={symbol}&events=trade"))?;
    let mut volume = Volume::default();
    loop {
        match socket.read() {
            Ok(message) if message.is_text() => add(&mut volume, &serde_json::from_str(message.to_text()?)?)?,
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(volume),
            Err(error) => return Err(error.into()),
        }
    }
}

fn add(volume: &mut Volume, message: &Value) -> Result<(), Box<dyn std::error::Error>> {
    let trade = &message["payload"];
    if !matches!(trade["status"].as_str(), Some("FILLED" | "PARTIALLY_FILLED")) {
        return Ok(());
    }
    let shares = trade["quantity"].as_u64().ok_or("a trade has a quantity")?;
    let (whole, decimals) =
        trade["price"].as_str().and_then(|price| price.split_once('.')).ok_or("no price")?;
    let price: u128 = format!("{whole}{decimals:0<4}").parse()?;
    volume.shares += shares;
    volume.turnover += price * u128::from(shares);
    Ok(())
}
