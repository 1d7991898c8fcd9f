//! Protection against texts that a spreadsheet would interpret as formulas.
//!
//! Symbols and ids of a feed may contain anything. Spreadsheets evaluate a cell that begins with certain characters, and show it
//! as text if an apostrophe precedes it (OWASP, "CSV Injection").

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, cast::AsArray, types::Int32Type};
use arrow_schema::DataType;

/// The characters with which a formula begins, or which a spreadsheet removes before it looks for one.
const DANGEROUS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Returns the column with an apostrophe before each unsafe text. Columns of other types are unchanged.
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
