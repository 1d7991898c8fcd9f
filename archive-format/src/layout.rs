//! The columns of the table: their names, types and encodings (FORMAT.md, sections 3 and 4).

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use serde::{Deserialize, Serialize};

use crate::dictionary::Values;

/// The optional columns. An archive has them only if it needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// `origin`: the index of the origin from which the ids derive.
    pub origin: bool,
    /// `trade_id` and `correlation_id`, for ids that cannot be derived.
    pub stored_ids: bool,
    /// `raw`, `received` and `opcode`, for captured feeds.
    pub captured: bool,
}

impl Columns {
    /// Returns the columns of either of two archives.
    pub fn union(self, other: Columns) -> Columns {
        Columns {
            origin: self.origin | other.origin,
            stored_ids: self.stored_ids | other.stored_ids,
            captured: self.captured | other.captured,
        }
    }

    fn contains(self, column: Column) -> bool {
        match column {
            Column::Origin => self.origin,
            Column::TradeId | Column::CorrelationId => self.stored_ids,
            Column::Raw | Column::Received | Column::Opcode => self.captured,
            _ => true,
        }
    }
}

/// The compression level of zstd. Level 1 produces half a percent more bytes; level 9 saves one percent, but takes 50 %
/// more time.
pub(crate) const ZSTD_LEVEL: i32 = 3;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// INT64.
    Int64,
    /// INT32.
    Int32,
    /// TIMESTAMP(MICROS, UTC) in INT64.
    Time,
    /// DECIMAL(12,4) in INT64.
    Price,
    /// STRING with few different values.
    Text,
    /// A UUID, as FIXED_LEN_BYTE_ARRAY of 16 bytes.
    Uuid,
    /// BYTE_ARRAY without a logical type.
    Bytes,
}

macro_rules! columns {
    ($($column:ident = $name:literal, $kind:ident, $coding:ident, $nullable:literal, $cost:literal;)+) => {
        /// A column of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Column { $($column),+ }

        impl Column {
            /// All columns, in the file's order.
            pub(crate) const ALL: &[Column] = &[$(Column::$column),+];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Column::$column => $name),+ }
            }

            pub(crate) const fn kind(self) -> Kind {
                match self { $(Column::$column => Kind::$kind),+ }
            }

            pub(crate) const fn nullable(self) -> bool {
                match self { $(Column::$column => $nullable),+ }
            }

            const fn coding(self) -> Coding {
                match self { $(Column::$column => Coding::$coding),+ }
            }

            /// Returns the cost of encoding one row of simulated data in nanoseconds. It is used to spread columns over threads.
            pub(crate) const fn cost(self) -> u32 {
                match self { $(Column::$column => $cost),+ }
            }
        }
    };
}

/// The encoding of a column before compression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Delta,
    Dictionary,
    Plain,
}

columns! {
    Seq = "seq", Int64, Delta, false, 10;
    Ts = "ts", Time, Delta, false, 16;
    EventType = "event_type", Text, Dictionary, true, 16;
    Symbol = "symbol", Text, Dictionary, true, 24;
    Exchange = "exchange", Text, Dictionary, true, 16;
    PayloadTs = "payload_ts", Time, Dictionary, true, 4;
    TradeType = "trade_type", Text, Dictionary, true, 14;
    OrderType = "order_type", Text, Dictionary, true, 14;
    Status = "status", Text, Dictionary, true, 14;
    TraderId = "trader_id", Text, Dictionary, true, 20;
    AccountId = "account_id", Text, Dictionary, true, 18;
    Price = "price", Price, Dictionary, true, 18;
    Quantity = "quantity", Int32, Dictionary, true, 14;
    OrderRef = "order_ref", Int64, Dictionary, true, 22;
    BidPrice = "bid_price", Price, Dictionary, true, 6;
    Spread = "spread", Price, Dictionary, true, 6;
    BidSize = "bid_size", Int32, Dictionary, true, 5;
    AskSize = "ask_size", Int32, Dictionary, true, 5;
    Interval = "interval", Text, Dictionary, true, 3;
    Open = "open", Price, Dictionary, true, 3;
    High = "high", Price, Dictionary, true, 3;
    Low = "low", Price, Dictionary, true, 3;
    Close = "close", Price, Dictionary, true, 3;
    Vwap = "vwap", Price, Dictionary, true, 3;
    Volume = "volume", Int64, Dictionary, true, 3;
    Origin = "origin", Int32, Dictionary, false, 8;
    TradeId = "trade_id", Uuid, Plain, true, 20;
    CorrelationId = "correlation_id", Text, Dictionary, true, 40;
    Raw = "raw", Bytes, Plain, true, 50;
    Received = "received", Time, Delta, true, 16;
    Opcode = "opcode", Int32, Dictionary, true, 6;
}

impl Column {
    /// Returns the columns of an archive, in the file's order.
    pub(crate) fn of(columns: Columns) -> impl Iterator<Item = Column> {
        Column::ALL.iter().copied().filter(move |&column| columns.contains(column))
    }

    /// Returns the type of the dictionary's values, for a column that [`crate::dictionary`] writes. Correlation ids are left
    /// to the Parquet writer, which drops a dictionary that does not save space.
    pub(crate) fn dictionary(self) -> Option<Values> {
        match (self.coding(), self.kind()) {
            (Coding::Dictionary, _) if self == Column::CorrelationId => None,
            (Coding::Dictionary, Kind::Text) => Some(Values::Texts),
            (Coding::Dictionary, Kind::Int32) => Some(Values::Int32),
            (Coding::Dictionary, _) => Some(Values::Int64),
            _ => None,
        }
    }

    /// Returns the column in Parquet's schema language.
    fn declaration(self) -> String {
        let (physical, logical) = match self.kind() {
            Kind::Int64 => ("int64", ""),
            Kind::Int32 => ("int32", ""),
            Kind::Time => ("int64", " (TIMESTAMP(MICROS,true))"),
            Kind::Price => ("int64", " (DECIMAL(12,4))"),
            Kind::Text => ("binary", " (STRING)"),
            // not marked as a UUID, because Spark refuses such files (FORMAT.md, 3.1)
            Kind::Uuid => ("fixed_len_byte_array(16)", ""),
            Kind::Bytes => ("binary", ""),
        };
        let repetition = if self.nullable() { "optional" } else { "required" };
        format!("{repetition} {physical} {}{logical};", self.name())
    }

    /// Returns the Arrow field. `key` is the type of dictionary keys; `price` is a decimal of 64 or 128 bits.
    fn field(self, key: DataType, price: DataType) -> Field {
        let data_type = match self.kind() {
            Kind::Int64 => DataType::Int64,
            Kind::Int32 => DataType::Int32,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Price => price,
            Kind::Text => DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8)),
            Kind::Uuid => DataType::FixedSizeBinary(16),
            Kind::Bytes => DataType::Binary,
        };
        Field::new(self.name(), data_type, self.nullable())
    }
}

/// Returns the table in Parquet's schema language.
pub(crate) fn message_type(columns: impl Iterator<Item = Column>) -> String {
    let fields: String = columns.map(|column| format!("  {}\n", column.declaration())).collect();
    format!("message tradesim {{\n{fields}}}")
}

/// Returns the Arrow schema in memory, with prices as 64-bit decimals, which need no conversion.
pub(crate) fn memory_schema(columns: impl Iterator<Item = Column>, key: &DataType) -> SchemaRef {
    let price = DataType::Decimal64(12, 4);
    Arc::new(Schema::new(columns.map(|column| column.field(key.clone(), price.clone())).collect::<Vec<_>>()))
}

/// Returns the Arrow schema that is embedded for other readers, which all support 128-bit decimals.
pub(crate) fn embedded_schema(columns: Columns) -> Schema {
    let price = DataType::Decimal128(12, 4);
    Schema::new(
        Column::of(columns).map(|column| column.field(DataType::Int32, price.clone())).collect::<Vec<_>>(),
    )
}

/// Returns the options of the Parquet writer.
pub(crate) fn writer_properties(columns: Columns) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("zstd has this level");
    let sorting = [Column::Ts, Column::Seq].map(|column| SortingColumn {
        column_idx: column as i32,
        descending: false,
        nulls_first: false,
    });
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("tradesim version {} (build 0)", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_sorting_columns(Some(sorting.to_vec()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(None);
    for column in Column::of(columns) {
        let path = ColumnPath::from(column.name());
        let coding = column.coding();
        properties = properties.set_column_dictionary_enabled(path.clone(), coding == Coding::Dictionary);
        let encoding = match coding {
            Coding::Delta => Encoding::DELTA_BINARY_PACKED,
            Coding::Dictionary | Coding::Plain => Encoding::PLAIN,
        };
        properties = properties.set_column_encoding(path.clone(), encoding);
        if coding == Coding::Plain && column.kind() == Kind::Uuid {
            // random ids cannot be compressed
            properties = properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        }
        // bounds of pages are useful only for values that follow the order of rows; bounds of row groups also for
        // prices and sizes. Texts have the same bounds in every group, and raw bytes must not be in the footer, which
        // is searched for the tail's marker.
        let statistics = match (column, column.kind()) {
            (Column::Seq | Column::Ts | Column::Received, _) => EnabledStatistics::Page,
            (_, Kind::Text | Kind::Bytes | Kind::Uuid) => EnabledStatistics::None,
            _ => EnabledStatistics::Chunk,
        };
        properties = properties.set_column_statistics_enabled(path, statistics);
    }
    properties.build()
}
