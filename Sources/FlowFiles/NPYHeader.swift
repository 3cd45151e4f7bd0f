/// The header of a NumPy array, checked.
struct NPYHeader {
  let element: NPYElement
  let shape: [Int]
  let isFortran: Bool
  /// The bytes before the data, and those of the data.
  let offset: Int
  let size: Int

  /// Reads the header from the front of a source.
  ///
  /// - Throws: `FileError` with the byte offset or what was found and expected.
  init(_ source: ByteSource) throws(FileError) {
    let path = source.path
    func bad(_ offset: Int, _ reason: String) -> FileError {
      .malformed(path: path, offset: offset, reason: reason)
    }
    let start = try source.read(8)
    guard start.count == 8, start.starts(with: [0x93] + "NUMPY".utf8) else {
      if let kind = FileKind(start) {
        throw .unsupported(path: path, found: kind.name, expected: "a NumPy array (.npy)")
      }
      throw bad(0, "no NumPy file (its first bytes are not \\x93NUMPY)")
    }
    let sizeBytes = start[6] == 1 ? 2 : 4
    guard (1...3).contains(start[6]) else { throw bad(6, "unknown format version \(start[6])") }
    let lengthBytes = try source.read(sizeBytes)
    guard lengthBytes.count == sizeBytes else { throw bad(8, "the file ends in its header") }
    let length = lengthBytes.reversed().reduce(0) { $0 * 256 + Int($1) }
    guard length <= 65536 else { throw bad(8, "the header is said to have \(length) bytes") }
    let headerBytes = try source.read(length)
    guard headerBytes.count == length else {
      throw bad(8 + sizeBytes, "the file ends in its header")
    }
    let header = String(decoding: headerBytes, as: UTF8.self)
    element = try Self.element(header, path: path)
    guard let order = Self.after("fortran_order", in: header) else {
      throw bad(8 + sizeBytes, "the header has no fortran_order")
    }
    isFortran = order.hasPrefix("True")
    shape = try Self.shape(header, path: path, offset: 8 + sizeBytes)
    var total = element.size
    for extent in shape {
      guard let product = Checked.product(total, extent) else {
        throw bad(8 + sizeBytes, "the shape \(shape) is too large")
      }
      total = product
    }
    offset = 8 + sizeBytes + length
    size = total
    if let found = source.size, found - offset != total {
      throw bad(
        min(found - offset, total) + offset,
        "shape \(shape) needs \(total) bytes of data, the file has \(found - offset)")
    }
  }

  private static func element(_ header: String, path: String) throws(FileError) -> NPYElement {
    guard let type = quoted("descr", in: header) else {
      throw .unsupported(
        path: path, found: "a structured array",
        expected: "an array of numbers (one of its fields, or numpy.lib.recfunctions)")
    }
    guard let element = NPYElement(type) else {
      throw .unsupported(
        path: path, found: "dtype '\(type)'",
        expected: "real numbers of up to 8 bytes (convert with array.astype('<f4'))")
    }
    return element
  }

  private static func shape(
    _ header: String, path: String, offset: Int
  ) throws(FileError) -> [Int] {
    guard let text = after("shape", in: header), text.hasPrefix("("),
      let close = text.firstIndex(of: ")")
    else { throw .malformed(path: path, offset: offset, reason: "the header has no shape") }
    var shape: [Int] = []
    for part in text[text.index(after: text.startIndex)..<close].split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let extent = Int(digits), extent >= 0 else {
        throw .malformed(path: path, offset: offset, reason: "'\(digits)' is not a dimension")
      }
      shape.append(extent)
    }
    guard shape.count == 1 || shape.count == 2 else {
      throw .unsupported(
        path: path, found: "\(shape.count) dimensions \(shape)",
        expected: "1 or 2 dimensions (array.reshape(rows, columns))")
    }
    return shape
  }

  private static func after(_ key: String, in header: String) -> Substring? {
    for quote in ["'", "\""] {
      let parts = header.split(separator: quote + key + quote, maxSplits: 1)
      if parts.count == 2, let colon = parts[1].firstIndex(of: ":") {
        return parts[1][parts[1].index(after: colon)...].drop { $0 == " " }
      }
    }
    return nil
  }

  private static func quoted(_ key: String, in header: String) -> String? {
    guard let text = after(key, in: header), let quote = text.first, quote == "'" || quote == "\""
    else { return nil }
    return String(text.dropFirst().prefix { $0 != quote })
  }
}
