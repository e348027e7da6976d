// SPDX-License-Identifier: GPL-2.0

//! Text files in sysfs.
//!
//! Rules of the kernel for every file here: one `write()` is one command of at most a page, the
//! offset is ignored, and an empty write never arrives.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use crate::device;
use core::marker::PhantomData;
use kernel::{
    bindings,
    container_of,
    device::Device,
    error::{
        code::EIO,
        to_result, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::{
        as_char_ptr_in_const_context,
        CString,
        Formatter, //
    },
    sync::Arc, //
};

/// Mode of a file everybody may read.
pub const READ_ONLY: u16 = 0o444;
/// Mode of a file only root may write.
pub const WRITE_ONLY: u16 = 0o200;
/// Mode of a file everybody may read and root may write.
pub const READ_WRITE: u16 = 0o644;

/// Tells those who poll the file `name` of `device` that it has changed, and everybody else by a
/// `change` event with the variable `detail`. Task context, may sleep.
///
/// The caller keeps the device from being taken out of sysfs meanwhile: by its lock, a lock that its
/// driver takes to go, or from within one of its files.
pub fn announce(device: &Device, name: &CStr, detail: &CStr) {
    let environment = [detail.as_char_ptr().cast_mut(), core::ptr::null_mut()];
    // The results tell of no memory or no listener.
    // SAFETY: The device is valid; the environment ends with a null pointer and is only read.
    let _ = unsafe {
        let kobj = &raw mut (*device::as_raw(device)).kobj;
        bindings::sysfs_notify(kobj, core::ptr::null(), name.as_char_ptr());
        bindings::kobject_uevent_env(
            kobj,
            bindings::kobject_action_KOBJ_CHANGE,
            environment.as_ptr().cast_mut(),
        )
    };
}

/// What the files of a [`Group`] do.
///
/// Both functions run in task context, for a process that has the file open, with the group's
/// removal held off. They must not take the lock of the device: removal waits for them while it
/// holds that lock.
pub trait Files: Send + Sync + Sized + 'static {
    /// Writes the content of the file `id`, at most a page of it.
    fn show(this: &Arc<Self>, id: usize, out: &mut Formatter<'_>) -> Result {
        let _ = (this, id, out);
        Err(EIO)
    }

    /// Carries out what has been written to the file `id`.
    fn store(this: &Arc<Self>, id: usize, data: &[u8]) -> Result {
        let _ = (this, id, data);
        Err(EIO)
    }
}

/// The name and mode of one file in a [`Group`].
pub struct FileSpec {
    /// The file's name.
    pub name: CString,
    /// Its permission bits.
    pub mode: u16,
}

/// One file: what C sees of it, and what it belongs to.
struct File<T> {
    raw: bindings::device_attribute,
    id: usize,
    context: Arc<T>,
    _name: CString,
}

/// The files of a device. Dropping it removes them, after callbacks that run have returned.
///
/// # Invariants
///
/// `device` is valid and has the group `raw`; `raw` points into `_pointers`, which point into
/// `_files`.
pub struct Group<T: Files> {
    device: kernel::sync::aref::ARef<Device>,
    raw: KBox<bindings::attribute_group>,
    _pointers: KVec<*mut bindings::attribute>,
    _files: KVec<File<T>>,
}

// SAFETY: The pointers lead to memory that the group owns; everything else is `Send`.
unsafe impl<T: Files> Send for Group<T> {}
// SAFETY: `&Group` offers nothing.
unsafe impl<T: Files> Sync for Group<T> {}

impl<T: Files> Group<T> {
    /// Creates the files `specs` of `device`; the id of a file is its index.
    ///
    /// Task context, may sleep. Fails with `EEXIST` if a file of such a name is there.
    pub fn new(device: &Device, context: Arc<T>, specs: KVec<FileSpec>) -> Result<Self> {
        let mut files = KVec::with_capacity(specs.len(), GFP_KERNEL)?;
        for (id, spec) in specs.into_iter().enumerate() {
            files.push(File::new(id, spec, context.clone()), GFP_KERNEL)?;
        }

        let mut pointers = KVec::with_capacity(files.len() + 1, GFP_KERNEL)?;
        for file in files.iter_mut() {
            pointers.push(&raw mut file.raw.attr, GFP_KERNEL)?;
        }
        pointers.push(core::ptr::null_mut(), GFP_KERNEL)?;

        let mut raw = KBox::new(bindings::attribute_group::default(), GFP_KERNEL)?;
        raw.__bindgen_anon_2 = bindings::attribute_group__bindgen_ty_2 {
            attrs: pointers.as_mut_ptr(),
        };

        // SAFETY: `device` is valid, the group is complete and stays where it is until it is
        // removed in `Drop`: the vectors are not touched again.
        to_result(unsafe {
            bindings::sysfs_create_group(&raw mut (*device::as_raw(device)).kobj, &*raw)
        })?;

        // INVARIANT: The group has just been created from these vectors.
        Ok(Self {
            device: device.into(),
            raw,
            _pointers: pointers,
            _files: files,
        })
    }
}

impl<T: Files> Drop for Group<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the device has this group.
        unsafe {
            bindings::sysfs_remove_group(&raw mut (*device::as_raw(&*self.device)).kobj, &*self.raw)
        };
    }
}

impl<T: Files> File<T> {
    fn new(id: usize, spec: FileSpec, context: Arc<T>) -> Self {
        let mut raw = bindings::device_attribute::default();
        raw.attr.name = spec.name.as_char_ptr();
        raw.attr.mode = spec.mode;
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        {
            raw.attr.key = kernel::static_lock_class!().as_ptr();
        }
        raw.__bindgen_anon_1.show = Some(Self::show);
        raw.__bindgen_anon_2.store = Some(Self::store);
        Self {
            raw,
            id,
            context,
            _name: spec.name,
        }
    }

    /// # Safety
    ///
    /// `attr` is the `raw` of a `File<T>` that outlives `'a`.
    unsafe fn from_attribute<'a>(attr: *mut bindings::device_attribute) -> &'a Self {
        // SAFETY: The caller promises it.
        unsafe { &*container_of!(attr, Self, raw) }
    }

    extern "C" fn show(
        _dev: *mut bindings::device,
        attr: *mut bindings::device_attribute,
        page: *mut c_char,
    ) -> isize {
        // SAFETY: sysfs passes the attribute the file was made from, and removal waits for us.
        let file = unsafe { Self::from_attribute(attr) };
        // SAFETY: sysfs passes a page to write to.
        unsafe { show_page(page, |out| T::show(&file.context, file.id, out)) }
    }

    extern "C" fn store(
        _dev: *mut bindings::device,
        attr: *mut bindings::device_attribute,
        data: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: As in `show`.
        let file = unsafe { Self::from_attribute(attr) };
        // SAFETY: sysfs passes `count` bytes to read.
        unsafe { store_bytes(data, count, |bytes| T::store(&file.context, file.id, bytes)) }
    }
}

/// # Safety
///
/// `page` points to [`PAGE_SIZE`] writable bytes.
unsafe fn show_page(page: *mut c_char, show: impl FnOnce(&mut Formatter<'_>) -> Result) -> isize {
    // SAFETY: The caller promises it.
    let buffer = unsafe { core::slice::from_raw_parts_mut(page.cast::<u8>(), PAGE_SIZE) };
    let mut out = Formatter::new(buffer);
    match show(&mut out) {
        Ok(()) => out.bytes_written().min(PAGE_SIZE - 1) as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// # Safety
///
/// `data` points to `count` readable bytes.
unsafe fn store_bytes(
    data: *const c_char,
    count: usize,
    store: impl FnOnce(&[u8]) -> Result,
) -> isize {
    // SAFETY: The caller promises it.
    let bytes = unsafe { core::slice::from_raw_parts(data.cast::<u8>(), count) };
    match store(bytes) {
        Ok(()) => count as isize,
        Err(error) => error.to_errno() as isize,
    }
}

/// A file in a driver's directory. It has no instance: what it needs is global to its module.
///
/// The functions run in task context, for a process that has the file open.
pub trait DriverFile: 'static {
    /// The file's name.
    const NAME: &'static CStr;
    /// Its permission bits.
    const MODE: u16;

    /// Writes the content of the file, at most a page of it.
    fn show(out: &mut Formatter<'_>) -> Result {
        let _ = out;
        Err(EIO)
    }

    /// Carries out what has been written to the file.
    fn store(data: &[u8]) -> Result {
        let _ = data;
        Err(EIO)
    }
}

/// What C sees of a [`DriverFile`].
pub(crate) struct DriverAttribute<T>(PhantomData<T>);

impl<T: DriverFile> DriverAttribute<T> {
    #[allow(clippy::needless_update)] // With lockdep the attribute has more fields.
    const RAW: bindings::driver_attribute = bindings::driver_attribute {
        attr: bindings::attribute {
            name: as_char_ptr_in_const_context(T::NAME),
            mode: T::MODE,
            ..pin_init::zeroed()
        },
        show: Some(Self::show),
        store: Some(Self::store),
    };

    /// The attribute, for as long as the module that names it is loaded.
    pub(crate) const fn as_ptr() -> *const bindings::driver_attribute {
        &Self::RAW
    }

    extern "C" fn show(_driver: *mut bindings::device_driver, page: *mut c_char) -> isize {
        // SAFETY: sysfs passes a page to write to.
        unsafe { show_page(page, T::show) }
    }

    extern "C" fn store(
        _driver: *mut bindings::device_driver,
        data: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs passes `count` bytes to read.
        unsafe { store_bytes(data, count, T::store) }
    }
}
