internal import Glibc

/// An open file; closed when the value goes.
///
/// Calls that a signal interrupts are taken up again. No call retries a failed sync.
package struct File: ~Copyable {
    private let descriptor: Int32
    /// Where it was opened, for messages.
    package let path: String

    /// How to open a file.
    package enum Mode: Sendable {
        case read
        case readWrite
        /// Read and write; fails if the file exists.
        case create(permissions: UInt32)
        /// Read and write, from length 0 if the file exists.
        case createOrTruncate(permissions: UInt32)
        /// Read and write at the end, made if absent.
        case append(permissions: UInt32)
        /// Read and write, each write durable before it returns (`O_DSYNC`).
        case readWriteDataSync
    }

    /// Opens a file, closed on exec.
    ///
    /// Reference: open(2).
    package init(_ path: String, _ mode: Mode) throws(SystemError) {
        let (flags, permissions): (Int32, UInt32) =
            switch mode {
            case .read: (O_RDONLY, 0)
            case .readWrite: (O_RDWR, 0)
            case .create(let permissions): (O_RDWR | O_CREAT | O_EXCL, permissions)
            case .createOrTruncate(let permissions): (O_RDWR | O_CREAT | O_TRUNC, permissions)
            case .append(let permissions): (O_RDWR | O_CREAT | O_APPEND, permissions)
            case .readWriteDataSync: (O_RDWR | O_DSYNC, 0)
            }
        var opened: Int32
        repeat {
            opened = unsafe open(path, flags | O_CLOEXEC, permissions)
        } while opened < 0 && errno == EINTR
        guard opened >= 0 else {
            throw SystemError(operation: "open", path: path, errno: .current)
        }
        self.init(adopting: opened, path: path)
    }

    /// Takes over a descriptor that the caller owned.
    package init(adopting descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = close(descriptor) }

    /// The descriptor, for calls of other wrappers while this value lives.
    package var rawDescriptor: Int32 { descriptor }

    /// Reads up to the buffer's size at the file position; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        var count: Int
        repeat {
            count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        } while count < 0 && errno == EINTR
        guard count >= 0 else { throw failure("read") }
        return count
    }

    /// Reads up to the buffer's size at an offset; fewer bytes only at the end of the file.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = unsafe pread(
                descriptor,
                rest.baseAddress,
                rest.count,
                Int(offset) + done
            )
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read") }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads `count` bytes at an offset; fewer only at the end of the file.
    package func read(count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
        var failed: SystemError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                filled = unsafe try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failed = error
            }
        }
        if let failed { throw failed }
        return bytes
    }

    /// Writes all bytes at the file position.
    package func write(_ bytes: Span<UInt8>) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("write to") }
            done += count
        }
    }

    /// Writes all bytes at an offset.
    package func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done,
                    Int(offset) + done
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("write to") }
            done += count
        }
    }

    /// Makes content and metadata durable.
    ///
    /// A failure is final: the pages may be lost (fsync(2)).
    package func sync() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw failure("sync") }
    }

    /// Makes content durable, and of the metadata what reading it needs.
    ///
    /// A failure is final.
    package func syncData() throws(SystemError) {
        guard fdatasync(descriptor) == 0 else { throw failure("sync") }
    }

    /// Makes the file at least so long, with room on the disk for all of it; keeps what it holds.
    ///
    /// Reference: posix_fallocate(3).
    package func allocate(sizeBytes: UInt64) throws(SystemError) {
        var status: Int32
        repeat {
            status = posix_fallocate(descriptor, 0, Int(sizeBytes))
        } while status == EINTR
        guard status == 0 else {
            throw SystemError(operation: "allocate", path: path, errno: Errno(rawValue: status))
        }
    }

    /// The file's length in bytes.
    package func sizeBytes() throws(SystemError) -> UInt64 {
        var information = stat()
        guard unsafe fstat(descriptor, &information) == 0 else { throw failure("inspect") }
        return UInt64(information.st_size)
    }

    /// Asks the system to read the whole file ahead; does not wait for it.
    ///
    /// Only a hint: where the system does not take it, reads are as fast as without.
    package func readAhead() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_WILLNEED)
    }

    /// Cuts or extends the file to a length.
    package func truncate(toSizeBytes size: UInt64) throws(SystemError) {
        guard ftruncate(descriptor, Int(size)) == 0 else { throw failure("truncate") }
    }

    /// Sets the permission bits.
    package func setPermissions(_ permissions: UInt32) throws(SystemError) {
        guard fchmod(descriptor, permissions) == 0 else { throw failure("set permissions of") }
    }

    /// Takes the file's exclusive advisory lock without waiting.
    ///
    /// - Returns: False if another open file holds it.
    /// Reference: flock(2).
    package func tryLockExclusively() throws(SystemError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw failure("lock") }
        return false
    }

    /// Gives the advisory lock up; closing the file does so too.
    package func unlock() { _ = flock(descriptor, LOCK_UN) }

    private func failure(_ operation: String) -> SystemError {
        SystemError(operation: operation, path: path, errno: .current)
    }
}
