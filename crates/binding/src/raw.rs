//! The hot path's functions on raw Node-API: a typed conversion of a string costs three to five
//! times what reading it once into the queue does.
//!
//! All of them ignore what is not of the type they take: their one caller is `src/pool/native/native-writer.ts`.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use kvp::channel::COPY_SLACK;
use kvp::frame::{Kind, Level};
use kvp::limits::{ID_MAX, SAFE_KEY};
use kvp::{Channel, Copied, Name};
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
    fn number(&self, index: usize) -> f64 {
        let mut number = 0.0;
        // SAFETY: the arguments live as long as the call; what is no number leaves 0.
        unsafe { sys::napi_get_value_double(self.env, self.arguments[index], &raw mut number) };
        number
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // `as` saturates; NaN is 0.
    fn whole(&self, index: usize) -> u32 {
        self.number(index) as u32
    }

    fn text<'b>(&self, index: usize, buffer: &'b mut [u8]) -> &'b [u8] {
        let mut len = 0;
        let (value, place, room) = (self.arguments[index], buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: `place` has `room` bytes, the last of which takes the NUL.
        unsafe { sys::napi_get_value_string_utf8(self.env, value, place, room, &raw mut len) };
        &buffer[..len.min(room)]
    }

    /// Reads a text straight into the queue.
    fn copy(&self, index: usize, place: &mut [u8]) -> Copied {
        let room = place.len();
        let value = self.arguments[index];
        let mut len = 0;
        // SAFETY: `place` has `room` bytes, the last of which takes the NUL.
        unsafe {
            sys::napi_get_value_string_utf8(self.env, value, place.as_mut_ptr().cast(), room, &raw mut len)
        };
        // A text that does not fit is cut before a character of up to four bytes.
        if len + COPY_SLACK <= room {
            return Copied::Whole(len);
        }
        // SAFETY: without a buffer the call only measures.
        unsafe { sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut len) };
        if len < room { Copied::Whole(len) } else { Copied::Needs(len) }
    }

    fn level(&self, index: usize) -> Level {
        Level::from_number(self.whole(index))
    }
}

/// Calls `act` with the channel and the arguments; never lets a panic cross into Node.js.
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

/// `name(text)`: a handle for a name, or `undefined` when there are too many.
unsafe extern "C" fn name(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let act = |channel: &mut Channel, call: &Call| {
        let mut buffer = [0; NAME_ROOM];
        channel.intern(call.text(0, &mut buffer)).map_or(0.0, f64::from)
    };
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, act) }
}

/// `start(handle, level, payload, id, name)`; the name is read only if the handle is 0.
unsafe extern "C" fn start(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, |channel, call| emit(channel, call, Kind::Start, 3, 4)) }
}

/// `event(handle, level, payload, name)`.
unsafe extern "C" fn event(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let act = |channel: &mut Channel, call: &Call| emit(channel, call, Kind::Event, 0, 3);
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, act) }
}

/// `finish(handle, level, payload, id, name, seconds)`; negative seconds say that it failed.
unsafe extern "C" fn finish(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let act = |channel: &mut Channel, call: &Call| {
        let seconds = call.number(5);
        let kind = Kind::Finish { failed: seconds.is_sign_negative(), seconds: seconds.abs() };
        emit(channel, call, kind, 3, 4)
    };
    // SAFETY: called by Node.js with its own arguments.
    unsafe { with_channel(env, info, act) }
}

/// Room for any name, and for as much of one that is too long as makes it known to be.
const NAME_ROOM: usize = SAFE_KEY + COPY_SLACK;

fn emit(channel: &mut Channel, call: &Call, kind: Kind, id: usize, name: usize) -> f64 {
    let mut id_buffer = [0; ID_MAX + COPY_SLACK];
    let id = if id == 0 { &[] } else { call.text(id, &mut id_buffer) };
    let level = call.level(1);
    let mut emit_as = |name: Name<'_>| channel.emit(kind, level, id, name, |place| call.copy(2, place));
    match call.whole(0) {
        // Few names are passed: the others must not pay for the room.
        0 => emit_as(Name::Text(call.text(name, &mut [0; NAME_ROOM]))),
        handle => emit_as(Name::Handle(handle)),
    }
    0.0
}
