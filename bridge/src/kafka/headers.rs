//! The headers of a record that was read. The binding panics on a name that is not UTF-8, which any program may write
//! into a topic.

use std::{
    ffi::{CStr, c_void},
    marker::PhantomData,
    ptr, slice,
};

use rdkafka::{
    Message as _,
    bindings::{rd_kafka_header_get_all, rd_kafka_headers_t},
    message::{BorrowedHeaders, BorrowedMessage},
    types::RDKafkaRespErr,
};

/// A header: its name and its value, as bytes.
pub(crate) type HeaderBytes<'m> = (&'m [u8], Option<&'m [u8]>);

/// Returns the headers of a record, in their order.
pub(crate) fn headers<'m>(message: &'m BorrowedMessage<'_>) -> impl Iterator<Item = HeaderBytes<'m>> {
    message.headers().map(HeaderList::from).into_iter().flatten()
}

/// Returns the texts of these headers, if they are texts. Of two headers with one name the last one counts, as
/// everywhere in Kafka.
pub(crate) fn header_texts<const N: usize>(
    message: &BorrowedMessage<'_>,
    names: [&str; N],
) -> [Option<String>; N] {
    let mut texts = [const { None }; N];
    for (name, value) in headers(message) {
        if let Some(place) = names.iter().position(|wanted| wanted.as_bytes() == name) {
            let text = value.and_then(|value| std::str::from_utf8(value).ok());
            texts[place] = text.map(str::to_owned);
        }
    }
    texts
}

/// The rest of librdkafka's list of a record's headers.
pub(super) struct HeaderList<'m> {
    list: *const rd_kafka_headers_t,
    place: usize,
    of_message: PhantomData<&'m ()>,
}

impl<'m> HeaderList<'m> {
    /// Returns the list at this address.
    ///
    /// # Safety
    /// The list must live as long as `'m`, unchanged.
    #[expect(unsafe_code, reason = "the address comes from librdkafka")]
    pub(super) unsafe fn at(list: *const rd_kafka_headers_t) -> HeaderList<'m> {
        HeaderList { list, place: 0, of_message: PhantomData }
    }
}

impl<'m> From<&'m BorrowedHeaders> for HeaderList<'m> {
    fn from(headers: &'m BorrowedHeaders) -> HeaderList<'m> {
        let list = ptr::from_ref(headers).cast::<rd_kafka_headers_t>();
        // a reference to `BorrowedHeaders` is the address of librdkafka's list, which lives as long as the message
        HeaderList { list, place: 0, of_message: PhantomData }
    }
}

impl<'m> Iterator for HeaderList<'m> {
    type Item = HeaderBytes<'m>;

    #[expect(unsafe_code, reason = "the binding has no call that returns a name as bytes")]
    fn next(&mut self) -> Option<HeaderBytes<'m>> {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null::<c_void>(), 0);
        // SAFETY: the list lives as long as `'m`. A name and a value that the call returns are parts of it: the name ends
        // with a zero byte, and the value has `size` bytes.
        unsafe {
            let found = rd_kafka_header_get_all(self.list, self.place, &mut name, &mut value, &mut size);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
            self.place += 1;
            let value = (!value.is_null()).then(|| slice::from_raw_parts(value.cast::<u8>(), size));
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    }
}
