import Foundation

/// A safetensors file, read from disk or to be written.
public struct SafetensorsFile: Sendable {
  /// The `__metadata__` of the header.
  public var metadata: [String: String]
  /// The names in the order of the header.
  public private(set) var names: [String]
  private var tensors: [String: StoredTensor]

  /// Makes an empty file.
  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
    names = []
    tensors = [:]
  }

  /// The tensor with a name.
  public subscript(_ name: String) -> StoredTensor? {
    get { tensors[name] }
    set {
      if let newValue {
        if tensors[name] == nil { names.append(name) }
        tensors[name] = newValue
      } else {
        tensors[name] = nil
        names.removeAll { $0 == name }
      }
    }
  }

  private static let maximumHeader = 100_000_000

  /// Reads a file, checking lengths, types, shapes and that tensors neither overlap nor leave gaps.
  ///
  /// - Throws: `FileError` with the byte offset.
  public init(path: String) throws(FileError) {
    try System.checkReadable(path)
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .system(path: path, action: "read", reason: error.localizedDescription)
    }
    if let kind = FileKind(data.prefix(16)), kind != .safetensors {
      throw .unsupported(
        path: path, found: kind.name, expected: "a safetensors file\(kind.adviceForModel)")
    }
    guard data.count >= 8 else {
      throw .malformed(
        path: path, offset: data.count, reason: "too short for a safetensors file (8 bytes or more)"
      )
    }
    let length = data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    guard length <= UInt64(min(data.count - 8, Self.maximumHeader)) else {
      throw .malformed(
        path: path, offset: 0,
        reason: "the header is said to have \(length) bytes, the file has \(data.count - 8)")
    }
    let start = 8 + Int(length)
    let header: JSONValue
    do {
      header = try JSONValue.parse(data[8..<start])
    } catch {
      throw .malformed(path: path, offset: 8 + error.offset, reason: error.reason)
    }
    guard case .object(let members) = header else {
      throw .malformed(path: path, offset: 8, reason: "the header is not a JSON object")
    }
    self.init()
    var spans: [(begin: Int, end: Int, name: String)] = []
    for member in members {
      if member.key == "__metadata__" {
        metadata = try Self.metadata(member.value, path: path)
        continue
      }
      let (type, shape, begin, end) = try Self.entry(
        member, path: path, available: data.count - start)
      spans.append((begin, end, member.key))
      self[member.key] = StoredTensor(
        type: type, shape: shape, bytes: data.subdata(in: start + begin..<start + end))
    }
    var position = 0
    for span in spans.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard span.begin == position else {
        throw .malformed(
          path: path, offset: start + span.begin,
          reason: "tensor '\(span.name)' overlaps another or leaves a gap")
      }
      position = span.end
    }
    guard position == data.count - start else {
      throw .malformed(
        path: path, offset: start + position,
        reason: "\(data.count - start - position) bytes belong to no tensor")
    }
  }

  private static func metadata(
    _ value: JSONValue, path: String
  ) throws(FileError) -> [String: String] {
    guard case .object(let members) = value else {
      throw .malformed(path: path, offset: 8, reason: "__metadata__ is not an object of strings")
    }
    var result: [String: String] = [:]
    for member in members {
      guard case .string(let text) = member.value else {
        throw .malformed(
          path: path, offset: 8, reason: "__metadata__ key '\(member.key)' is not a string")
      }
      result[member.key] = text
    }
    return result
  }

  private static func entry(
    _ member: JSONValue.Member, path: String, available: Int
  ) throws(FileError) -> (StoredType, [Int], Int, Int) {
    func bad(_ reason: String) -> FileError {
      .malformed(path: path, offset: 8, reason: "tensor '\(member.key)': \(reason)")
    }
    guard case .string(let typeName)? = member.value["dtype"] else { throw bad("has no dtype") }
    guard let type = StoredType(rawValue: typeName) else {
      throw bad("unknown dtype '\(typeName)'")
    }
    guard case .array(let dimensions)? = member.value["shape"],
      case .array(let offsets)? = member.value["data_offsets"], offsets.count == 2,
      case .integer(let begin) = offsets[0], case .integer(let end) = offsets[1]
    else { throw bad("needs a shape and two data_offsets") }
    var shape: [Int] = []
    var size = type.size
    for dimension in dimensions {
      guard case .integer(let extent) = dimension, extent >= 0 else {
        throw bad("has a dimension that is not a size")
      }
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      if overflow { throw bad("is too large") }
      size = product
      shape.append(extent)
    }
    guard 0 <= begin, begin <= end, end <= available else {
      throw bad("bytes \(begin) to \(end) are outside the \(available) bytes of data")
    }
    guard end - begin == size else {
      throw bad("\(typeName) \(shape) needs \(size) bytes, has \(end - begin)")
    }
    return (type, shape, begin, end)
  }

  /// Writes the file whole or not at all; the same content gives the same bytes.
  ///
  /// - Throws: `FileError.system`.
  public func write(to path: String) throws(FileError) {
    let outputs = Outputs()
    try write(to: outputs.open(path))
    try outputs.commit()
  }

  /// Writes the content to an output of a transaction.
  ///
  /// - Throws: `FileError.system`.
  public func write(to file: OutputFile) throws(FileError) {
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key < $1.key }
      members.append(
        .init("__metadata__", .object(entries.map { .init($0.key, .string($0.value)) })))
    }
    // Large alignments first, as the reference implementation does.
    let ordered = names.enumerated().sorted {
      (-(tensors[$0.element]?.type.size ?? 0), $0.offset)
        < (-(tensors[$1.element]?.type.size ?? 0), $1.offset)
    }.map(\.element)
    var position = 0
    for name in ordered {
      guard let tensor = tensors[name] else { continue }
      let end = position + tensor.bytes.count
      members.append(
        .init(
          name,
          .object([
            .init("dtype", .string(tensor.type.rawValue)),
            .init("shape", .array(tensor.shape.map { .integer($0) })),
            .init("data_offsets", .array([.integer(position), .integer(end)])),
          ])))
      position = end
    }
    var header = Array(JSONValue.object(members).text.utf8)
    while header.count % 8 != 0 { header.append(0x20) }
    let length = UInt64(header.count).littleEndian
    try file.write(withUnsafeBytes(of: length) { Array($0) })
    try file.write(header)
    for name in ordered { if let tensor = tensors[name] { try file.write(tensor.bytes) } }
  }
}
