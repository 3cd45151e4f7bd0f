import Foundation
import Testing

@testable import FlowFiles

/// A folder for one test.
func temporaryFolder() throws -> String {
  let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}

@Suite struct JSONTests {
  @Test("values survive, keys keep their order")
  func roundTrip() throws {
    let text = #"{"b": [1, -2.5, 1e-300, true, null], "a": "x\n\"\\é\u0001"}"#
    let value = try JSONValue.parse(text.utf8)
    #expect(try JSONValue.parse(value.text.utf8) == value)
    #expect(
      value["b"] == .array([.integer(1), .number(-2.5), .number(1e-300), .bool(true), .null]))
  }

  @Test(
    "malformed text is an error with its offset",
    arguments: [
      ("{\"a\": 1, \"a\": 2}", 9), ("[1, 2", 5), ("[1,]", 3), ("01", 1), ("nul", 0),
      ("\"\\u12\"", 5),
      ("\"\\ud800\"", 7), ("1e999", 0), ("{} x", 3), ("", 0),
    ])
  func malformed(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSONValue.parse(text.utf8) }
    #expect(error?.offset == offset)
  }

  @Test("deep nesting is refused")
  func depth() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try JSONValue.parse(text.utf8) }
  }
}

@Suite struct SafetensorsTests {
  @Test("tensors and metadata survive, and the bytes are the same each time")
  func roundTrip() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = SafetensorsFile(metadata: ["flowir.flow": "{\"a\": 1}"])
    file["b"] = StoredTensor([true, false, true], shape: [3])
    file["w"] = StoredTensor([1.5, -2, .infinity] as [Float], shape: [3, 1])
    file["i"] = StoredTensor([1, -9] as [Int64], shape: [2])
    file["s"] = StoredTensor([0.1] as [Double], shape: [])
    try file.write(to: folder + "/a")
    try file.write(to: folder + "/b")
    let read = try SafetensorsFile(path: folder + "/a")
    #expect(read["b"] == file["b"] && read["w"] == file["w"] && read["s"] == file["s"])
    #expect(read["i"]?.doubles == [1, -9])
    #expect(read.metadata == file.metadata)
    let bytes = FileManager.default.contents(atPath: folder + "/a")
    #expect(bytes == FileManager.default.contents(atPath: folder + "/b"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a", "b"])
  }

  private func file(_ header: String, data: Int, in folder: String) throws -> String {
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    bytes.append(Data(header.utf8))
    bytes.append(Data(count: data))
    let path = folder + "/x.safetensors"
    try bytes.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test(
    "malicious headers are errors",
    arguments: [
      #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#,
      #"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}"#,
      #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}"#,
      #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#,
      #"{"a": {"dtype": "F32", "shape": [9223372036854775807, 9], "data_offsets": [0, 8]}}"#,
      #"{"a": {"dtype": "F33", "shape": [2], "data_offsets": [0, 8]}}"#,
      #"{"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}"#,
      #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}"#,
      #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": 1}"#, "[]", "{",
    ])
  func malicious(header: String) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try file(header, data: 8, in: folder)
    #expect(throws: FileError.self) { try SafetensorsFile(path: path) }
  }

  @Test("a header length beyond the file is an error, not an allocation")
  func length() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data([255, 255, 255, 255, 255, 255, 255, 127, 1]).write(
      to: URL(fileURLWithPath: folder + "/x"))
    #expect(throws: FileError.self) { try SafetensorsFile(path: folder + "/x") }
    #expect(throws: FileError.self) { try SafetensorsFile(path: folder + "/none") }
  }
}

@Suite struct TableTests {
  private func npy(_ header: String, _ data: Data, in folder: String) throws -> String {
    var bytes = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
    bytes += Data([UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)])
    bytes += Data(header.utf8) + data
    let path = folder + "/x.npy"
    try bytes.write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test("npy of both types and ranks survive", arguments: [RowType.f32, .f64], [nil, 3])
  func roundTrip(type: RowType, columns: Int?) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let values = (0..<30).map { Double($0) * 0.5 }
    let writer = try createRows(folder + "/a.npy", columns: columns, type: type)
    try writer.write(Array(values.prefix(15)))
    #expect(!FileManager.default.fileExists(atPath: folder + "/a.npy"))
    try writer.write(Array(values.suffix(15)))
    try writer.finish()
    let reader = try openRows(folder + "/a.npy")
    #expect(reader.columns == columns ?? 1 && reader.rowCount == 30 / (columns ?? 1))
    #expect(try reader.read(4) + reader.read(100) == values)
    #expect(try reader.read(1).isEmpty)
  }

  @Test(
    "arrays that are not accepted are errors",
    arguments: [
      ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "dtype '<c8'"),
      ("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", "dtype '<f16'"),
      ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "dtype '|O'"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1), }", "3 dimensions"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "needs 12 bytes"),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "needs 4 bytes"),
      (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9), }", "too large"
      ),
      ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "is not a dimension"),
      ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "structured"),
      ("garbage", "structured"),
    ])
  func refused(header: String, message: String) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = try npy(header, Data(count: 8), in: folder)
    let error = #expect(throws: FileError.self) { try openRows(path) }
    #expect("\(try #require(error))".contains(message))
  }

  @Test("csv with and without header, with blank lines and carriage returns")
  func csv() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a.csv"
    try "x,y\r\n1,2\r\n\r\n-3e2, nan\ninf,0.5".write(
      toFile: path, atomically: true, encoding: .utf8)
    let values = try openRows(path).read(10)
    #expect(values.count == 6 && values[2] == -300 && values[3].isNaN && values[4] == .infinity)
    let writer = try createRows(folder + "/b.csv", columns: 2)
    try writer.write([0.1, 1e-30, 3, .infinity] as [Float])
    try writer.finish()
    #expect(try openRows(folder + "/b.csv").readFloats(9) == [0.1, 1e-30, 3, .infinity])
  }

  @Test(
    "bad rows are errors with their number",
    arguments: [
      ("1,2\n3\n", "row 2: 1 columns"), ("1,2\n3,x\n", "row 2: column 2 is not a number: 'x'"),
      ("1,x\n", "row 1: column 2"), ("", "row 1: the file has no rows"), ("a,b\n1,\n", "row 2"),
    ])
  func badRows(text: String, message: String) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a.csv"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: FileError.self) { _ = try openRows(path).read(10) }
    #expect("\(try #require(error))".contains(message))
  }

  @Test("a writer that is given up leaves the old file and nothing else")
  func discarded() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a.npy"
    try "old".write(toFile: path, atomically: true, encoding: .utf8)
    do {
      let writer = try createRows(path, columns: nil)
      try writer.write([1, 2] as [Float])
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.npy"])
    #expect(throws: FileError.self) { try createRows(folder + "/no/a.npy", columns: nil) }
  }
}
