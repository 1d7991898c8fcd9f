//! The decoders of the `parquet` crate, used only for the columns of the archive format.

use std::sync::Arc;

use arrow_schema::DataType;
use parquet::{
    arrow::{
        FieldLevels, ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, RowSelection, RowSelector},
        parquet_to_arrow_field_levels,
    },
    errors::ParquetError,
    file::metadata::{FileMetaData, ParquetMetaData},
    schema::{parser::parse_message_type, types::SchemaDescriptor},
};

use super::group::{GroupBytes, GroupSource};
use crate::{
    Columns,
    encode::CHUNK_ROWS,
    layout::{self, Column},
};

/// The decoders of an archive's columns.
///
/// The schema is our own, not that of the file, which was compared with it before. So unknown columns do not exist here.
/// Raw frames have their own reader (see [`super::frames`]).
pub(super) struct Decoders {
    columns: Vec<Column>,
    metadata: ParquetMetaData,
    all: FieldLevels,
}

impl Decoders {
    /// Creates the decoders of an archive with these optional columns.
    pub(super) fn new(columns: Columns) -> Decoders {
        let columns: Vec<Column> = Column::of(columns).filter(|&column| column != Column::Raw).collect();
        let schema = layout::message_type(columns.iter().copied());
        let schema = parse_message_type(&schema).expect("our own schema parses");
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let metadata = ParquetMetaData::new(FileMetaData::new(1, 0, None, None, schema, None), Vec::new());
        let all = levels(&columns, &metadata, ProjectionMask::all());
        Decoders { columns, metadata, all }
    }

    /// Returns the columns that are decoded.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the decoder of a row group from row `skipped` on, in blocks.
    pub(super) fn all(
        &self,
        group: &GroupBytes,
        skipped: usize,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let rest = group.rows as usize - skipped;
        let selection = (skipped > 0)
            .then(|| RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(rest)]));
        self.reader(&self.all, group, selection)
    }

    /// Returns the decoder of one column of a row group.
    pub(super) fn one(
        &self,
        group: &GroupBytes,
        column: Column,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        self.some(group, &[column])
    }

    /// Returns the decoder of some columns of a row group, which come in the order of the schema.
    pub(super) fn some(
        &self,
        group: &GroupBytes,
        columns: &[Column],
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let names = columns.iter().map(|column| column.name());
        let mask = ProjectionMask::columns(self.metadata.file_metadata().schema_descr(), names);
        self.reader(&levels(&self.columns, &self.metadata, mask), group, None)
    }

    fn reader(
        &self,
        levels: &FieldLevels,
        group: &GroupBytes,
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let source = GroupSource { group, columns: &self.columns, metadata: &self.metadata };
        ParquetRecordBatchReader::try_new_with_row_groups(levels, &source, CHUNK_ROWS, selection)
    }
}

/// Returns the Arrow types of columns: prices with 64 bits, which need no conversion, and texts as dictionaries.
fn levels(columns: &[Column], metadata: &ParquetMetaData, mask: ProjectionMask) -> FieldLevels {
    let ours = layout::memory_schema(columns.iter().copied(), &DataType::Int32);
    let schema = metadata.file_metadata().schema_descr();
    parquet_to_arrow_field_levels(schema, mask, Some(ours.fields())).expect("our own schema has Arrow types")
}
