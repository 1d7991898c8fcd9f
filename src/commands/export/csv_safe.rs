//! Texts that a spreadsheet would take for formulas.
//!
//! A feed says what it likes in a symbol or an id. Spreadsheets run a cell that begins with one of a few characters, and
//! show one with an apostrophe before it as a text (OWASP, "CSV Injection").

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, cast::AsArray, types::Int32Type};
use arrow_schema::DataType;

/// What a formula begins with, or what a spreadsheet drops before it looks for one.
const DANGEROUS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The column with an apostrophe before each text that is not safe. Numbers and times are not texts, and stay.
pub(super) fn safe_column(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8 => Arc::new(safe_texts(column.as_string())),
        DataType::Dictionary(..) => {
            let column = column.as_dictionary::<Int32Type>();
            Arc::new(column.with_values(Arc::new(safe_texts(column.values().as_string()))))
        }
        _ => Arc::clone(column),
    }
}

fn safe_texts(texts: &StringArray) -> StringArray {
    let safe = |text: &str| if text.starts_with(DANGEROUS) { format!("'{text}") } else { text.to_owned() };
    texts.iter().map(|text| text.map(safe)).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::{DictionaryArray, Int32Array};

    use super::*;

    #[test]
    fn texts_that_begin_as_a_formula_are_marked_and_no_others() {
        let texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "AAPL", "a=b", "", "'=x"];
        let expected = ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "AAPL", "a=b", "", "'=x"];
        let plain: ArrayRef =
            Arc::new(texts.iter().map(|text| Some(*text)).chain([None]).collect::<StringArray>());
        let found = safe_column(&plain);
        let found: Vec<_> = found.as_string::<i32>().iter().collect();
        assert_eq!(found, expected.iter().map(|text| Some(*text)).chain([None]).collect::<Vec<_>>());
        let coded: DictionaryArray<Int32Type> = texts.iter().copied().collect();
        let found = arrow_cast::cast(&safe_column(&(Arc::new(coded) as ArrayRef)), &DataType::Utf8).unwrap();
        assert_eq!(found.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), expected);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![-1]));
        assert_eq!(&safe_column(&numbers), &numbers);
    }
}
