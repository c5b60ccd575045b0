internal import Glibc

/// Calls on files and directories by path.
package enum FileSystem {
    /// What a path names, without following a symbolic link.
    package enum Kind: Hashable, Sendable { case file, directory, symbolicLink, other }

    /// What is known of a path.
    package struct Information: Hashable, Sendable {
        package let kind: Kind
        package let sizeBytes: UInt64
        package let permissions: UInt32
        /// Last change of the content, nanoseconds since 1970.
        package let modifiedNanoseconds: Int64
        /// Device and inode: the same file has the same pair.
        package let device: UInt64
        package let inode: UInt64
    }

    /// What a path names, or nil if nothing is there.
    package static func information(_ path: String) throws(SystemError) -> Information? {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError(operation: "inspect", path: path, errno: .current)
        }
        let kind: Kind =
            switch found.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        return Information(
            kind: kind,
            sizeBytes: UInt64(found.st_size),
            permissions: found.st_mode & 0o7777,
            // Any number may stand there; times that differ still differ.
            modifiedNanoseconds: Int64(found.st_mtim.tv_sec) &* 1_000_000_000
                &+ Int64(found.st_mtim.tv_nsec),
            device: UInt64(found.st_dev),
            inode: UInt64(found.st_ino)
        )
    }

    /// Whether something is at the path.
    package static func exists(_ path: String) throws(SystemError) -> Bool {
        try information(path) != nil
    }

    /// How many bytes of the disk a file takes.
    ///
    /// Reference: stat(2), `st_blocks`.
    package static func allocatedBytes(_ path: String) throws(SystemError) -> UInt64 {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else {
            throw SystemError(operation: "inspect", path: path, errno: .current)
        }
        return UInt64(found.st_blocks) * 512
    }

    /// Makes one directory.
    package static func makeDirectory(
        _ path: String,
        permissions: UInt32 = 0o750
    ) throws(SystemError) {
        guard unsafe mkdir(path, permissions) == 0 else {
            throw SystemError(operation: "make directory", path: path, errno: .current)
        }
    }

    /// Makes a directory unless it is there.
    package static func makeDirectoryIfAbsent(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o750) == 0 || errno == EEXIST { return }
        throw SystemError(operation: "make directory", path: path, errno: .current)
    }

    /// Renames, replacing what has the new name.
    ///
    /// Durable after `syncDirectory` of the parent.
    package static func rename(_ old: String, to new: String) throws(SystemError) {
        guard unsafe Glibc.rename(old, new) == 0 else {
            throw SystemError(operation: "rename to \(new)", path: old, errno: .current)
        }
    }

    /// Removes a file's name.
    package static func unlink(_ path: String) throws(SystemError) {
        guard unsafe Glibc.unlink(path) == 0 else {
            throw SystemError(operation: "remove", path: path, errno: .current)
        }
    }

    /// Removes a file's name if it is there.
    package static func unlinkIfPresent(_ path: String) throws(SystemError) {
        if unsafe Glibc.unlink(path) == 0 || errno == ENOENT { return }
        throw SystemError(operation: "remove", path: path, errno: .current)
    }

    /// Removes an empty directory.
    package static func removeDirectory(_ path: String) throws(SystemError) {
        guard unsafe rmdir(path) == 0 else {
            throw SystemError(operation: "remove directory", path: path, errno: .current)
        }
    }

    /// Removes a file or a directory with all that is in it; symbolic links are not followed.
    package static func removeTree(_ path: String) throws(SystemError) {
        guard let found = try information(path) else { return }
        guard found.kind == .directory else { return try unlink(path) }
        for name in try list(path) { try removeTree("\(path)/\(name)") }
        try removeDirectory(path)
    }

    /// The names in a directory, without "." and "..", in byte order.
    package static func list(_ path: String) throws(SystemError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            throw SystemError(operation: "list", path: path, errno: .current)
        }
        defer { unsafe _ = closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else {
                guard errno == 0 else {
                    throw SystemError(operation: "list", path: path, errno: .current)
                }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { characters in
                    unsafe String(cString: characters)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes the directory's entries durable: what was made, renamed or removed in it.
    package static func syncDirectory(_ path: String) throws(SystemError) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SystemError(operation: "open", path: path, errno: .current)
        }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw SystemError(operation: "sync", path: path, errno: .current)
        }
    }

    /// Bytes that an ordinary process may still write on the file system that holds `path`.
    package static func freeBytes(at path: String) throws(SystemError) -> UInt64 {
        let found = try volume(at: path)
        return UInt64(found.f_bavail) * UInt64(found.f_frsize)
    }

    /// The size of the file system that holds `path`.
    package static func totalBytes(at path: String) throws(SystemError) -> UInt64 {
        let found = try volume(at: path)
        return UInt64(found.f_blocks) * UInt64(found.f_frsize)
    }

    private static func volume(at path: String) throws(SystemError) -> statvfs {
        var found = statvfs()
        guard unsafe statvfs(path, &found) == 0 else {
            throw SystemError(operation: "inspect the file system of", path: path, errno: .current)
        }
        return found
    }

    /// Sets the permission bits of a path.
    package static func setPermissions(
        _ path: String,
        _ permissions: UInt32
    ) throws(SystemError) {
        guard unsafe chmod(path, permissions) == 0 else {
            throw SystemError(operation: "set permissions of", path: path, errno: .current)
        }
    }

    /// Reads a whole file of at most `limitBytes`.
    package static func contents(
        _ path: String,
        limitBytes: Int = 1 << 20
    ) throws(SystemError) -> [UInt8] {
        let file = try File(path, .read)
        let bytes = try file.read(count: limitBytes + 1, at: 0)
        guard bytes.count <= limitBytes else {
            throw SystemError(operation: "read", path: path, errno: Errno(rawValue: EFBIG))
        }
        return bytes
    }

    /// Puts a file in place durably: written and synced under a temporary name, then renamed.
    package static func writeDurably(
        _ bytes: Span<UInt8>,
        to path: String,
        permissions: UInt32
    ) throws(SystemError) {
        let temporary = path + ".tmp"
        do {
            let file = try File(temporary, .createOrTruncate(permissions: permissions))
            try file.write(bytes)
            try file.sync()
        }
        try rename(temporary, to: path)
        try syncDirectory(parent(of: path))
    }

    /// The directory part of a path: "a/b/c" -> "a/b", "c" -> ".", "/c" -> "/".
    package static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The last part of a path: "a/b/c" -> "c".
    package static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }
}
