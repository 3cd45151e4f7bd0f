/// A zip archive such as `numpy.savez` and `numpy.savez_compressed` write (PKWARE, APPNOTE 6.3.10).
struct ZipArchive {
  private struct Entry {
    var name: String
    var method: Int
    var packed: Int
    var size: Int
    var offset: Int
  }

  private let path: String
  private let fileSize: Int
  private var entries: [Entry] = []

  /// Reads the directory at the end of the file.
  ///
  /// - Throws: `FileError` with the byte offset.
  init(path: String) throws(FileError) {
    self.path = path
    let source = try ByteSource(path)
    guard let size = source.size else {
      throw .unsupported(path: path, found: "a stream", expected: "a file")
    }
    fileSize = size
    let tail = try source.read(min(size, 65557), at: max(size - 65557, 0))
    let base = size - tail.count
    guard let end = Self.lastIndex(of: [0x50, 0x4b, 5, 6], in: tail), end + 22 <= tail.count else {
      throw .malformed(
        path: path, offset: 0, reason: "no zip archive (.npz), or its directory is cut off")
    }
    var (start, length) = (Self.number(tail, end + 16, 4), Self.number(tail, end + 12, 4))
    if start == 0xffff_ffff || length == 0xffff_ffff,
      let far = Self.lastIndex(of: [0x50, 0x4b, 6, 6], in: tail), far + 56 <= tail.count
    {
      (length, start) = (Self.number(tail, far + 40, 8), Self.number(tail, far + 48, 8))
    }
    guard start >= 0, length >= 0, start <= size, length <= size - start else {
      throw .malformed(
        path: path, offset: base + end, reason: "the directory lies outside the file")
    }
    let directory = try source.read(length, at: start)
    var place = 0
    while place + 46 <= directory.count,
      Array(directory[place..<place + 4]) == [0x50, 0x4b, 1, 2]
    {
      let lengths = [28, 30, 32].map { Self.number(directory, place + $0, 2) }
      let next = place + 46 + lengths.reduce(0, +)
      guard next <= directory.count else { break }
      entries.append(Self.entry(directory, at: place, lengths))
      place = next
    }
  }

  private static func entry(_ directory: [UInt8], at place: Int, _ lengths: [Int]) -> Entry {
    let name = directory[(place + 46)..<(place + 46 + lengths[0])]
    var entry = Entry(
      name: String(decoding: name, as: UTF8.self), method: number(directory, place + 10, 2),
      packed: number(directory, place + 20, 4), size: number(directory, place + 24, 4),
      offset: number(directory, place + 42, 4))
    // Sizes beyond 4 GiB stand in an extra field, each only if its own place says so.
    var extra = place + 46 + lengths[0]
    let end = extra + lengths[1]
    while extra + 4 <= end {
      let (kind, length) = (number(directory, extra, 2), number(directory, extra + 2, 2))
      var field = extra + 4
      extra = field + length
      guard kind == 1, extra <= end else { continue }
      for key in [\Entry.size, \Entry.packed, \Entry.offset]
      where entry[keyPath: key] == 0xffff_ffff && field + 8 <= extra {
        entry[keyPath: key] = number(directory, field, 8)
        field += 8
      }
    }
    return entry
  }

  /// Opens an array by its name, or the only one.
  ///
  /// - Throws: `FileError` if it is not there, or is damaged.
  func open(array: String?) throws(FileError) -> ByteSource {
    let arrays = entries.filter { $0.name.hasSuffix(".npy") }
    let known = arrays.map { String($0.name.dropLast(4)) }.joined(separator: ", ")
    let found = array.map { name in arrays.filter { $0.name == name + ".npy" } } ?? arrays
    guard found.count == 1 else {
      throw .unsupported(
        path: path, found: array.map { "no array '\($0)'" } ?? "\(arrays.count) arrays",
        expected: arrays.isEmpty ? "one or more" : "--array with one of \(known)")
    }
    let entry = found[0]
    let source = try ByteSource(path)
    func damaged(_ reason: String) -> FileError {
      .malformed(path: path, offset: entry.offset, reason: "\(entry.name): \(reason)")
    }
    guard entry.offset >= 0, entry.offset <= fileSize - 30 else {
      throw damaged("it lies outside the file")
    }
    let local = try source.read(30, at: entry.offset)
    guard local.count == 30, Array(local.prefix(4)) == [0x50, 0x4b, 3, 4] else {
      throw damaged("it has no header")
    }
    let start = entry.offset + 30 + Self.number(local, 26, 2) + Self.number(local, 28, 2)
    guard entry.packed >= 0, entry.size >= 0, start <= fileSize, entry.packed <= fileSize - start
    else { throw damaged("it lies outside the file") }
    switch entry.method {
    case 0:
      guard entry.packed == entry.size else { throw damaged("its sizes differ") }
      return try ByteSource(path, window: start..<start + entry.size)
    case 8:
      // DEFLATE shrinks at most 1032 times.
      guard entry.size / 1040 <= entry.packed else { throw damaged("its size can't be true") }
      let packed = try source.read(entry.packed, at: start)
      do {
        return ByteSource(path, bytes: try Inflate.bytes(packed, size: entry.size))
      } catch {
        throw damaged("its compressed data are damaged at byte \(error.offset)")
      }
    default: throw damaged("unknown compression \(entry.method); use numpy.savez")
    }
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ size: Int) -> Int {
    let bits = (0..<size).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
    return Int(truncatingIfNeeded: bits)
  }

  private static func lastIndex(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
    var place = bytes.count - mark.count
    while place >= 0 {
      if bytes[place..<place + mark.count].elementsEqual(mark) { return place }
      place -= 1
    }
    return nil
  }
}
