//! A stored row as a value of JavaScript.

use js_sys::Array;
use wasm_bindgen::JsValue;

use super::action::Row;
use crate::adapter::browser::database::Next;
use crate::adapter::store::record::Text;

pub(super) fn write(row: &Row) -> Next {
    if row.is_empty() {
        return Next::Delete;
    }
    let record = row.record.as_deref().map_or(JsValue::NULL, |text| JsValue::from_str(text));
    Next::Put(Array::of2(&record, &JsValue::from_str(&row.marks.join("\n"))).into())
}

/// What is stored; a value of another shape is a record that cannot be read.
pub(super) fn read(value: &JsValue) -> Row {
    if value.is_undefined() {
        return Row::default();
    }
    let parts: Vec<JsValue> = if Array::is_array(value) { Array::from(value).to_vec() } else { Vec::new() };
    match parts.as_slice() {
        [record, marks] => Row {
            record: if record.is_null() { None } else { Some(Text::new(record.as_string().unwrap_or_default())) },
            marks: marks.as_string().unwrap_or_default().lines().map(str::to_owned).collect(),
        },
        _ => Row { record: Some(Text::default()), marks: Vec::new() },
    }
}
