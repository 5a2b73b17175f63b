//! The functions of the hot path, on raw Node-API: converting a string to a `String` costs three to five times
//! as much as reading it into the queue.
//!
//! Their only caller is `src/pool/native/native-writer.ts`. An entry with an argument of a wrong type, with a
//! level or handle that does not exist, or with a duration that is not finite is not written; it counts as
//! dropped for the reason `invalid`.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use kvp::channel::COPY_SLACK;
use kvp::frame::{Kind, Level};
use kvp::limits::{ID_MAX, SAFE_KEY};
use kvp::{Channel, Copied, Name, Refused, memory};
use napi::bindgen_prelude::{Env, FromNapiValue, Object};
use napi::sys;

type Shared = Rc<RefCell<Channel>>;
type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// `{ name, start, event, finish }`, each keeping the channel alive.
pub fn emitters<'env>(env: &'env Env, channel: &Shared) -> napi::Result<Object<'env>> {
    let raw = env.raw();
    let mut object = ptr::null_mut();
    // SAFETY: `raw` is the environment of this call and `object` a place for the result.
    check(unsafe { sys::napi_create_object(raw, &raw mut object) })?;
    let functions: [(&CStr, Callback); 4] =
        [(c"name", name), (c"start", start), (c"event", event), (c"finish", finish)];
    for (key, callback) in functions {
        let data = Rc::into_raw(Rc::clone(channel)).cast_mut().cast::<c_void>();
        let (mut function, text) = (ptr::null_mut(), key.as_ptr());
        // SAFETY: `text` ends in a NUL and `data` outlives the function, see the finalizer.
        check(unsafe { sys::napi_create_function(raw, text, -1, Some(callback), data, &raw mut function) })?;
        // SAFETY: `data` came from `Rc::into_raw` and is given back just once, by `release`.
        check(unsafe {
            sys::napi_add_finalizer(raw, function, data, Some(release), ptr::null_mut(), ptr::null_mut())
        })?;
        // SAFETY: both values were just made in this environment.
        check(unsafe { sys::napi_set_named_property(raw, object, text, function) })?;
    }
    // SAFETY: `object` is an object of this environment.
    unsafe { Object::from_napi_value(raw, object) }
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(napi::Error::new(status.into(), "Node-API refused to make the emitters"))
    }
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: each function holds one count of the channel, and this is called once for each.
    drop(unsafe { Rc::from_raw(data.cast::<RefCell<Channel>>()) });
}

/// The arguments of a call.
struct Call {
    env: sys::napi_env,
    arguments: [sys::napi_value; 6],
}

impl Call {
    fn number(&self, index: usize) -> Option<f64> {
        let mut number = 0.0;
        // SAFETY: the arguments live as long as the call.
        let status = unsafe { sys::napi_get_value_double(self.env, self.arguments[index], &raw mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::float_cmp)] // Checked.
    fn whole(&self, index: usize) -> Option<u32> {
        let number = self.number(index)?;
        let whole = number as u32;
        (f64::from(whole) == number).then_some(whole)
    }

    fn level(&self, index: usize) -> Option<Level> {
        Level::from_number(self.whole(index)?.try_into().ok()?)
    }

    /// A text. One that does not fit into `buffer` is cut; the buffers are so large that it is still too long
    /// for its field, and refused as such.
    fn text<'b>(&self, index: usize, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let len = self.copy_text(index, buffer)?;
        buffer.get(..len)
    }

    /// Copies as many whole characters as fit, and a NUL; returns how many bytes, without the NUL.
    fn copy_text(&self, index: usize, place: &mut [u8]) -> Option<usize> {
        let (value, room, mut len) = (self.arguments[index], place.len(), 0);
        let first = place.as_mut_ptr().cast();
        // SAFETY: there are `room` bytes, the last of which takes the NUL.
        let status = unsafe { sys::napi_get_value_string_utf8(self.env, value, first, room, &raw mut len) };
        (status == sys::Status::napi_ok).then_some(len)
    }

    /// Copies a text into the queue.
    fn copy(&self, index: usize, place: &mut [u8]) -> Copied {
        let Some(len) = self.copy_text(index, place) else { return Copied::Invalid };
        // A text that does not fit is cut before a character of up to four bytes.
        if len + COPY_SLACK <= place.len() {
            return Copied::Whole(len);
        }
        match text_len(self.env, self.arguments[index]) {
            Some(whole) if whole < place.len() => Copied::Whole(whole),
            Some(whole) => Copied::Needs(whole),
            None => Copied::Invalid,
        }
    }
}

/// The length of a text in bytes; `None` for any other value.
fn text_len(env: sys::napi_env, value: sys::napi_value) -> Option<usize> {
    let mut len = 0;
    // SAFETY: without a buffer the call only measures.
    let status = unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut len) };
    (status == sys::Status::napi_ok).then_some(len)
}

/// The bytes of a text of any length, or the error where the memory for them is refused. Converting it to a
/// `String` would abort the process then.
pub struct Text(pub Result<Vec<u8>, Refused>);

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let no_text = || napi::Error::new(napi::Status::StringExpected, "not a text");
        let room = text_len(env, value).ok_or_else(no_text)? + 1;
        let mut bytes = match memory::with_capacity::<u8>(room) {
            Ok(bytes) => bytes,
            Err(refused) => return Ok(Self(Err(refused))),
        };
        let (first, mut len) = (bytes.as_mut_ptr(), 0);
        // SAFETY: there are `room` bytes, the last of which takes the NUL.
        let status = unsafe { sys::napi_get_value_string_utf8(env, value, first.cast(), room, &raw mut len) };
        if status != sys::Status::napi_ok {
            return Err(no_text());
        }
        // SAFETY: the call wrote so many bytes, and one more.
        unsafe { bytes.set_len(len) };
        Ok(Self(Ok(bytes)))
    }
}

/// Calls `act` with the channel and the arguments. A panic of it does not reach Node.js.
unsafe fn with_channel(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    act: impl FnOnce(&mut Channel, &Call) -> f64,
) -> sys::napi_value {
    let mut call = Call { env, arguments: [ptr::null_mut(); 6] };
    let (mut count, mut data) = (call.arguments.len(), ptr::null_mut());
    let arguments = call.arguments.as_mut_ptr();
    // SAFETY: there is room for `count` arguments; missing ones become `undefined`.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, arguments, ptr::null_mut(), &raw mut data)
    };
    if status != sys::Status::napi_ok || data.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the function that is called holds the channel.
    let channel = unsafe { &*data.cast::<RefCell<Channel>>() };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        channel.try_borrow_mut().map_or(0.0, |mut channel| act(&mut channel, &call))
    }));
    let mut result = ptr::null_mut();
    if let Ok(number @ 1.0..) = outcome {
        // SAFETY: `result` is a place for the number.
        unsafe { sys::napi_create_double(env, number, &raw mut result) };
    }
    result
}

/// `name(text)`: a handle for a name, or `undefined` when there are too many or it can't be one.
unsafe extern "C" fn name(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let act = |channel: &mut Channel, call: &Call| {
        let mut buffer = [0; NAME_ROOM];
        let handle = call.text(0, &mut buffer).and_then(|name| channel.intern(name));
        handle.map_or(0.0, f64::from)
    };
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, act) }
}

/// `start(handle, level, payload, id, name)`; the name is read only if the handle is 0.
unsafe extern "C" fn start(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, |channel, call| emit(channel, call, What::Start)) }
}

/// `event(handle, level, payload, name)`.
unsafe extern "C" fn event(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, |channel, call| emit(channel, call, What::Event)) }
}

/// `finish(handle, level, payload, id, name, seconds)`; negative seconds say that it failed.
unsafe extern "C" fn finish(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, |channel, call| emit(channel, call, What::Finish)) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Start,
    Event,
    Finish,
}

/// Room for the longest name, and for enough of a longer one to be refused.
const NAME_ROOM: usize = SAFE_KEY + COPY_SLACK;

fn emit(channel: &mut Channel, call: &Call, what: What) -> f64 {
    let mut id_buffer = [0; ID_MAX + COPY_SLACK];
    let (id, name) = if what == What::Event { (Some(&[][..]), 3) } else { (call.text(3, &mut id_buffer), 4) };
    let level = call.level(1);
    if emit_valid(channel, call, what, level, id, name).is_none() {
        channel.refuse(level, id.filter(|_| what == What::Finish));
    }
    0.0
}

/// Emits an entry; `None` when an argument is invalid, and nothing was emitted.
fn emit_valid(
    channel: &mut Channel,
    call: &Call,
    what: What,
    level: Option<Level>,
    id: Option<&[u8]>,
    name: usize,
) -> Option<()> {
    let kind = match what {
        What::Start => Kind::Start,
        What::Event => Kind::Event,
        What::Finish => {
            let seconds = call.number(5)?;
            Kind::Finish { failed: seconds.is_sign_negative(), seconds: seconds.abs() }
        }
    };
    let (level, id, handle) = (level?, id?, call.whole(0)?);
    let mut emit_as = |name: Name<'_>| channel.emit(kind, level, id, name, |place| call.copy(2, place));
    match handle {
        // Most names are handles: those calls must not pay for zeroing the buffer.
        0 => emit_as(Name::Text(call.text(name, &mut [0; NAME_ROOM])?)),
        handle => emit_as(Name::Handle(handle)),
    }
    Some(())
}
