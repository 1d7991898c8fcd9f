//! Hands records to librdkafka by the handles of their topics: the only unsafe code of this package.
//!
//! The wrapper's own call looks the topic up by its name for each record, under the lock that every other thread of the library
//! wants as well, and copies the topic's and the headers' names before. That is a seventh of what the whole bridge costs.

use std::{
    ffi::{CStr, CString, c_void},
    ptr::{self, NonNull},
};

use rdkafka::{
    bindings::{
        rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_last_error, rd_kafka_produceva,
        rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_vtype_t, rd_kafka_vu_s__bindgen_ty_1 as Value,
        rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 as Memory,
        rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 as Header, rd_kafka_vu_t,
    },
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::{Producer as _, ThreadedProducer},
    types::RDKafkaTopic,
};
use tradesim_bridge_core::{Topic, Topics};

use super::Reports;

/// The library copies key and value.
const COPY: i32 = rdkafka::bindings::RD_KAFKA_MSG_F_COPY;
/// Most fields that a record has: flags, topic, value, key, what its report carries, and three headers.
const FIELDS_MAX: usize = 8;

/// A producer with the topics that it writes to.
pub(super) struct Handles {
    producer: ThreadedProducer<Reports>,
    topics: [Option<NonNull<RDKafkaTopic>>; Topic::ALL.len()],
}

impl Handles {
    /// Takes the producer, and makes its handles.
    ///
    /// # Errors
    /// What the library says of a name that cannot be a topic's.
    pub(super) fn new(producer: ThreadedProducer<Reports>, names: &Topics) -> KafkaResult<Handles> {
        let mut handles = Handles { producer, topics: [None; Topic::ALL.len()] };
        for topic in Topic::ALL {
            let name = CString::new(names.name(topic))?;
            let client = handles.producer.client().native_ptr();
            // SAFETY: the client is there, the name ends with a zero and is copied, and without a configuration the topic has
            // the producer's.
            let handle = unsafe { rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) };
            let Some(handle) = NonNull::new(handle) else {
                // SAFETY: reads a variable of this thread.
                let code = unsafe { rd_kafka_last_error() };
                return Err(KafkaError::MessageProduction(code.into()));
            };
            handles.topics[topic.index()] = Some(handle);
        }
        Ok(handles)
    }

    /// Everything else that a producer does.
    pub(super) fn producer(&self) -> &ThreadedProducer<Reports> {
        &self.producer
    }

    /// Hands a record over; the library copies all of it.
    ///
    /// # Errors
    /// Why the library did not take it.
    #[inline]
    pub(super) fn produce(&self, fields: &Fields<'_>) -> Result<(), RDKafkaErrorCode> {
        let handle = self.topics[fields.topic.index()].map_or(ptr::null_mut(), NonNull::as_ptr);
        let (key, key_len) = fields.key.map_or((ptr::null(), 0), |key| (key.as_ptr(), key.len()));
        let memory = |ptr: *const u8, size| Value { mem: Memory { ptr: ptr.cast_mut().cast(), size } };
        let mut list = List { fields: [NONE; FIELDS_MAX], len: 0 };
        list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: COPY });
        list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT, Value { rkt: handle });
        list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE, memory(fields.value.as_ptr(), fields.value.len()));
        list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY, memory(key, key_len));
        list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_OPAQUE, Value { ptr: fields.opaque as *mut c_void });
        for &(name, value) in fields.headers {
            let header =
                Header { name: name.as_ptr(), val: value.as_ptr().cast(), size: value.len() as isize };
            list.push(rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER, Value { header });
        }
        let client = self.producer.client().native_ptr();
        // SAFETY: the client is there, and the handle is one of its own. Each field is tagged with the member of the union that
        // is set. All that they point to is borrowed until the call is over, which copies it, flagged as it is.
        let error = unsafe { rd_kafka_produceva(client, list.fields.as_ptr(), list.len) };
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the error is the library's, ours to free, and used no more.
        let code = unsafe {
            let code = rd_kafka_error_code(error);
            rd_kafka_error_destroy(error);
            code
        };
        Err(code.into())
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        for handle in self.topics.into_iter().flatten() {
            // SAFETY: it was made in `new` and is used no more; the client is dropped after this.
            unsafe { rd_kafka_topic_destroy(handle.as_ptr()) };
        }
    }
}

/// What a record consists of.
pub(super) struct Fields<'a> {
    pub(super) topic: Topic,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
    /// What its report carries.
    pub(super) opaque: usize,
    pub(super) headers: &'a [(&'static CStr, &'a [u8])],
}

const NONE: rd_kafka_vu_t =
    rd_kafka_vu_t { vtype: rd_kafka_vtype_t::RD_KAFKA_VTYPE_END, u: Value { ptr: ptr::null_mut() } };

struct List {
    fields: [rd_kafka_vu_t; FIELDS_MAX],
    len: usize,
}

impl List {
    #[inline]
    fn push(&mut self, vtype: rd_kafka_vtype_t, u: Value) {
        self.fields[self.len] = rd_kafka_vu_t { vtype, u };
        self.len += 1;
    }
}
