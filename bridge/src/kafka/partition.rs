//! The records of one partition, taken from librdkafka many at a time.
//!
//! The binding's queue takes one record at a time, for which it locks, reads the clock five times and allocates. This was an
//! eighth of the processor time of an audit.

use std::{ffi::CString, marker::PhantomData, ptr, slice, sync::Arc, time::Duration};

use rdkafka::{
    bindings::{
        rd_kafka_consume_batch_queue, rd_kafka_headers_t, rd_kafka_message_destroy, rd_kafka_message_headers,
        rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_queue_destroy, rd_kafka_queue_forward,
        rd_kafka_queue_get_partition, rd_kafka_queue_t,
    },
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
    types::RDKafkaRespErr,
};

use super::headers::{HeaderBytes, HeaderList};

/// The number of records that are taken at once: enough that the cost of a call does not matter.
const RECORDS_AT_ONCE: usize = 64;

/// The queue of one partition of a consumer.
pub(crate) struct PartitionRecords<C: ConsumerContext + 'static> {
    queue: *mut rd_kafka_queue_t,
    /// The records that were taken from the queue. Those before `next` are destroyed, except the current one.
    taken: Vec<*mut rd_kafka_message_t>,
    next: usize,
    /// The record that [`PartitionRecords::advance`] returned last; null if there is none.
    current: *mut rd_kafka_message_t,
    /// The client must live longer than its queues and records: fields are dropped after [`Drop::drop`].
    _consumer: Arc<BaseConsumer<C>>,
}

/// A record that was read.
#[derive(Clone, Copy)]
pub(crate) struct PartitionRecord<'q> {
    message: *const rd_kafka_message_t,
    of_queue: PhantomData<&'q ()>,
}

impl<C: ConsumerContext> PartitionRecords<C> {
    /// Directs the records of this partition to a queue of its own. They must not be fetched yet. Returns `None` if there cannot be
    /// such a partition.
    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    pub(crate) fn new(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
    ) -> Option<PartitionRecords<C>> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client lives as long as `consumer`, of which the result keeps a share. The text ends with a zero byte.
        let queue = unsafe {
            rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition)
        };
        if queue.is_null() {
            return None;
        }
        // SAFETY: the queue was returned just now. Without a destination it keeps its records.
        unsafe { rd_kafka_queue_forward(queue, ptr::null_mut()) };
        Some(PartitionRecords {
            queue,
            taken: Vec::with_capacity(RECORDS_AT_ONCE),
            next: 0,
            current: ptr::null_mut(),
            _consumer: Arc::clone(consumer),
        })
    }

    /// Goes to the next record, and returns its offset. Returns `None` if there is none within this time.
    ///
    /// # Errors
    /// An error of the partition, and [`KafkaError::PartitionEOF`] at its end.
    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    pub(crate) fn advance(&mut self, timeout: Duration) -> Option<Result<i64, KafkaError>> {
        self.leave_current();
        if self.next == self.taken.len() {
            self.take(Duration::ZERO, RECORDS_AT_ONCE);
            if self.taken.is_empty() {
                // more than one would be waited for
                self.take(timeout, 1);
            }
        }
        let message = *self.taken.get(self.next)?;
        self.next += 1;
        self.current = message;
        // SAFETY: the record was taken and is not destroyed before `leave_current` or the drop.
        let message = unsafe { *message };
        match message.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Some(Ok(message.offset)),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Some(Err(KafkaError::PartitionEOF(message.partition)))
            }
            error => Some(Err(KafkaError::MessageConsumption(error.into()))),
        }
    }

    /// Returns the record to which [`PartitionRecords::advance`] went; `None` if it did not go to one. Methods that destroy the
    /// record need `self` alone, so it lives as long as it is borrowed.
    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    pub(crate) fn current(&self) -> Option<PartitionRecord<'_>> {
        let message = self.current;
        // SAFETY: unless the address is null, the record was taken and is not destroyed.
        let is_record =
            !message.is_null() && unsafe { (*message).err } == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        is_record.then_some(PartitionRecord { message, of_queue: PhantomData })
    }

    /// Takes at most `count` records, once all that were taken before are left.
    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    fn take(&mut self, timeout: Duration, count: usize) {
        self.taken.clear();
        self.next = 0;
        let count = count.min(self.taken.capacity());
        let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue lives as long as `self`. The call writes at most `count` addresses, for which there is room, and
        // returns how many; they are ours to destroy.
        unsafe {
            let taken = rd_kafka_consume_batch_queue(self.queue, millis, self.taken.as_mut_ptr(), count);
            self.taken.set_len(usize::try_from(taken).unwrap_or(0).min(count));
        }
    }

    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    fn leave_current(&mut self) {
        let current = std::mem::replace(&mut self.current, ptr::null_mut());
        if !current.is_null() {
            // SAFETY: it was taken, and is destroyed here only, because nothing else has its address any more.
            unsafe { rd_kafka_message_destroy(current) };
        }
    }
}

impl<C: ConsumerContext> Drop for PartitionRecords<C> {
    #[expect(unsafe_code, reason = "the binding's queue takes one record at a time")]
    fn drop(&mut self) {
        self.leave_current();
        for message in self.taken.drain(..).skip(self.next) {
            // SAFETY: it was taken, and the records from `next` on are not destroyed yet.
            unsafe { rd_kafka_message_destroy(message) };
        }
        // SAFETY: nothing uses the queue any more.
        unsafe { rd_kafka_queue_destroy(self.queue) };
    }
}

impl<'q> PartitionRecord<'q> {
    #[expect(unsafe_code, reason = "a record is at an address")]
    fn fields(&self) -> rd_kafka_message_t {
        // SAFETY: the record lives as long as `'q`.
        unsafe { *self.message }
    }

    pub(crate) fn offset(&self) -> i64 {
        self.fields().offset
    }

    #[expect(unsafe_code, reason = "the key is an address and a length")]
    pub(crate) fn key(&self) -> Option<&'q [u8]> {
        let rd_kafka_message_t { key, key_len, .. } = self.fields();
        // SAFETY: unless the address is null, the key has so many bytes, which live as long as the record.
        (!key.is_null()).then(|| unsafe { slice::from_raw_parts(key.cast(), key_len) })
    }

    #[expect(unsafe_code, reason = "the value is an address and a length")]
    pub(crate) fn value(&self) -> Option<&'q [u8]> {
        let rd_kafka_message_t { payload, len, .. } = self.fields();
        // SAFETY: unless the address is null, the value has so many bytes, which live as long as the record.
        (!payload.is_null()).then(|| unsafe { slice::from_raw_parts(payload.cast(), len) })
    }

    /// Returns the headers, in their order.
    #[expect(unsafe_code, reason = "the binding panics on a name that is not UTF-8")]
    pub(crate) fn headers(&self) -> impl Iterator<Item = HeaderBytes<'q>> + use<'q> {
        let mut list: *mut rd_kafka_headers_t = ptr::null_mut();
        // SAFETY: the record lives as long as `'q`. Its headers are parsed when they are requested for the first time, and live
        // as long as the record.
        let list = unsafe {
            let found = rd_kafka_message_headers(self.message, &mut list);
            (found == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| HeaderList::at(list))
        };
        list.into_iter().flatten()
    }

    /// Returns the time of the record in milliseconds since the epoch, if it has one.
    #[expect(unsafe_code, reason = "the time is not a field")]
    pub(crate) fn timestamp_ms(&self) -> Option<i64> {
        // SAFETY: the record lives as long as `'q`. The address for the kind of the time may be null.
        let millis = unsafe { rd_kafka_message_timestamp(self.message, ptr::null_mut()) };
        (millis != -1).then_some(millis)
    }
}
