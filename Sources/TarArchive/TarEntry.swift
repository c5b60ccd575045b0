/// One entry of an archive, as its header describes it.
package struct TarEntry: Equatable, Sendable {
    package enum Kind: Sendable {
        case regular
        case directory
        /// A symbolic or hard link: to somewhere that the archive's maker chose.
        case link
        /// A device, a pipe, a file with holes.
        case other
    }

    /// As it stands in the archive; see `hasSafePath`.
    package let path: String
    package let kind: Kind
    /// What the header claims; not to be trusted before the data was read.
    package let sizeBytes: UInt64

    /// Whether the path stays below the place where it is put.
    ///
    /// It is relative, not empty, and no component is `..`, `.` or empty; one slash at the end is
    /// left out of account.
    package var hasSafePath: Bool {
        let name = path.hasSuffix("/") ? path.dropLast() : path[...]
        return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .allSatisfy {
                !$0.isEmpty && !$0.elementsEqual("..".utf8) && !$0.elementsEqual(".".utf8)
            }
    }
}
