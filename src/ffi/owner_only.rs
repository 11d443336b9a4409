//! Files for their owner only, on Windows: an access list with one entry, for the account that the process runs under, and
//! nothing inherited from the directory. What it is for stands in `observe::owner_only`, which is handed these functions.

use std::ffi::c_void;
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ALREADY_EXISTS, GetLastError, HANDLE, INVALID_HANDLE_VALUE, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, PROTECTED_DACL_SECURITY_INFORMATION,
    PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES, SetKernelObjectSecurity, TOKEN_QUERY, TOKEN_USER,
    TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_GENERIC_READ, FILE_SHARE_DELETE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, GetVolumeInformationByHandleW, OPEN_ALWAYS, WRITE_DAC,
};
use windows_sys::Win32::System::SystemServices::FILE_PERSISTENT_ACLS;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// Makes the file if it is not there. `takes`: one that is there becomes its owner's only, too.
pub(super) fn file(path: &Path, takes: bool) -> io::Result<()> {
    let rights = Rights::of_this_account("")?;
    let name = wide(&whole(path));
    let attributes = rights.attributes();
    let access = FILE_GENERIC_READ | if takes { WRITE_DAC } else { 0 };
    // SAFETY: the name ends with a NUL, the attributes and what they point to live until the call has returned.
    let file = unsafe {
        CreateFileW(
            name.as_ptr(),
            access,
            FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
            &raw const attributes,
            OPEN_ALWAYS,
            FILE_ATTRIBUTE_NORMAL,
            null_mut(),
        )
    };
    if file == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: tells of the call before, of which it says so too when that has succeeded.
    let was_there = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
    let file = Handle(file);
    if !(takes && was_there) {
        return Ok(());
    }
    // SAFETY: a file that is open for this, and a descriptor that lives on.
    let done = unsafe {
        SetKernelObjectSecurity(
            file.0,
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            rights.0,
        )
    };
    let refused = io::Error::last_os_error();
    // Some disks (FAT, many shares) know no rights; nothing can be done about theirs.
    if done == 0 && file.has_rights() {
        return Err(refused);
    }
    Ok(())
}

/// Makes the directory; files in it are their owner's only, whoever makes them.
pub(super) fn directory(path: &Path) -> io::Result<()> {
    let rights = Rights::of_this_account("OICI")?;
    let name = wide(&whole(path));
    let attributes = rights.attributes();
    // SAFETY: the name ends with a NUL, the attributes and what they point to live until the call has returned.
    if unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// With its directory as the system names it, which may be longer than a name that is taken as it stands.
fn whole(path: &Path) -> PathBuf {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (directory.canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// Who may do what to a file.
struct Rights(PSECURITY_DESCRIPTOR);

impl Rights {
    /// Everything for the account of this process, and nothing for anyone else. `inherited` by files of a directory: in
    /// the system's own letters.
    fn of_this_account(inherited: &str) -> io::Result<Self> {
        let account = account()?;
        let text = format!("O:{account}D:P(A;{inherited};FA;;;{account})");
        let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut rights: PSECURITY_DESCRIPTOR = null_mut();
        // SAFETY: the text ends with a NUL, and `rights` can be written.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut rights,
                null_mut(),
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(rights))
    }

    fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        // SAFETY: made by the function whose memory is freed so, and nobody has it any more.
        unsafe { LocalFree(self.0) };
    }
}

struct Handle(HANDLE);

impl Handle {
    /// Whether files on this one's disk have rights at all.
    fn has_rights(&self) -> bool {
        let mut flags = 0;
        // SAFETY: a file that is open; what is NULL is not asked for; the flags can be written.
        let known = unsafe {
            GetVolumeInformationByHandleW(
                self.0,
                null_mut(),
                0,
                null_mut(),
                null_mut(),
                &raw mut flags,
                null_mut(),
                0,
            )
        };
        known == 0 || flags & FILE_PERSISTENT_ACLS != 0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: open, and closed by nobody else.
        unsafe { CloseHandle(self.0) };
    }
}

/// The account that this process runs under, by its number (`S-1-5-…`).
fn account() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the process' own pseudo handle, and a place for the token.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let token = Handle(token);
    // No number of an account is longer than 68 bytes. As words of 64 bits it has the alignment that the struct wants.
    let mut buffer = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the buffer can be written for as long as is said.
    let done = unsafe {
        GetTokenInformation(
            token.0,
            TokenUser,
            buffer.as_mut_ptr().cast::<c_void>(),
            size_of_val(&buffer) as u32,
            &raw mut length,
        )
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut text: *mut u16 = null_mut();
    // SAFETY: the system has filled the buffer with such a struct, whose number lies behind it in the same buffer.
    let done = unsafe {
        let user = buffer.as_ptr().cast::<TOKEN_USER>();
        ConvertSidToStringSidW((*user).User.Sid, &raw mut text)
    };
    if done == 0 || text.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut number = String::new();
    let mut at = text.cast_const();
    // SAFETY: a text that ends with a NUL, of ASCII characters; nothing behind that is read.
    unsafe {
        while *at != 0 {
            number.push(char::from_u32(u32::from(*at)).unwrap_or('?'));
            at = at.add(1);
        }
        LocalFree(text.cast::<c_void>());
    }
    Ok(number)
}
