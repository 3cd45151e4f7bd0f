import Foundation
import Testing

@testable import FlowFiles

/// The ways in which others write tables.
@Suite struct TableFormatTests {
  private func reader(
    _ bytes: Data, _ name: String, _ options: TableOptions = TableOptions()
  ) throws -> any RowReader {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/" + name
    try bytes.write(to: URL(fileURLWithPath: path))
    return try openRows(path, options: options)
  }

  private func csv(_ text: String, _ options: TableOptions = TableOptions()) throws -> any RowReader
  {
    try reader(Data(text.utf8), "a.csv", options)
  }

  private func npy(_ type: String, _ shape: String, isFortran: Bool = false, _ bytes: [UInt8])
    -> Data
  {
    let order = isFortran ? "True" : "False"
    let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }"
    return Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8 + bytes)
  }

  private func message(_ body: () throws -> Void) throws -> String {
    "\(try #require(#expect(throws: FileError.self) { try body() }))"
  }

  @Test(
    "a header of numbers, as pandas writes it, is no row",
    arguments: ["0,1", "1,2", "2020,2021", "\"0\",\"1\""])
  func numericHeader(header: String) throws {
    let rows = try csv(header + "\n0.5,-0.25\n1.5,0.125\n")
    #expect(try rows.read(9) == [0.5, -0.25, 1.5, 0.125])
    #expect(rows.notices.count == 1 && rows.notices[0].contains("--header no"))
  }

  @Test("a first row of data stays data, also where it could be a header")
  func dataFirst() throws {
    #expect(try csv("0,0\n0.5,1\n").read(9).count == 4)
    #expect(try csv("2,1\n0.5,1\n").read(9).count == 4)
    #expect(try csv("1,2\n3,4\n").read(9).count == 4)
    #expect(try csv("0,1\n").read(9) == [0, 1])
    #expect(try csv("0,1\n2,3\n").notices.first?.contains("--header yes") == true)
    #expect(try csv("0,1\n0.5,1\n", TableOptions(header: .no)).read(9).count == 4)
    #expect(try csv("5,9\n1,1\n", TableOptions(header: .yes)).read(9) == [1, 1])
  }

  @Test(
    "an index column without a name is no feature", arguments: [",v,w", "Unnamed: 0,v,w", ",0,1"])
  func index(header: String) throws {
    let rows = try csv(header + "\n0,0.5,1\n1,1.5,2\n")
    #expect(rows.columns == 2)
    #expect(try rows.read(9) == [0.5, 1, 1.5, 2])
    #expect(rows.notices.contains { $0.contains("index") })
  }

  @Test("columns are chosen by name, number and range, in their order")
  func columns() throws {
    let text = "name,mass,radius\nearth,1,6.4\nmars,0.1,3.4\n"
    for (selection, values) in [
      ("mass", [1, 0.1]), ("radius,mass", [6.4, 1, 3.4, 0.1]), ("2-3", [1, 6.4, 0.1, 3.4]),
      ("3,mass", [6.4, 1, 3.4, 0.1]),
    ] {
      let options = TableOptions(columns: try #require(ColumnSelection(selection)))
      #expect(try csv(text, options).read(9) == values)
    }
    for (selection, text) in [("weight", "'mass'"), ("4", "from 1 to 3"), ("0", "'name'")] {
      let options = TableOptions(columns: try #require(ColumnSelection(selection)))
      #expect(
        try message {
          _ = try csv("a,b,c\n1,2,3\n".replacing("a,b,c", with: "name,mass,radius"), options)
        }.contains(text))
    }
    #expect(ColumnSelection("a,,b") == nil && ColumnSelection("") == nil)
    let stored = npy("<f4", "(2, 2)", [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64])
    let second = TableOptions(columns: try #require(ColumnSelection("2")))
    #expect(try reader(stored, "a.npy", second).read(9) == [2, 4])
    #expect(try reader(stored, "a.npy", second).readFloats(9) == [2, 4])
  }

  @Test(
    "other separators, blanks and encodings get a message that helps",
    arguments: [
      ("1;2\n3;4\n", "semicolons"), ("1,5;2,5\n", "semicolons"), ("a;b\n1;2\n", "semicolons"),
      ("1\t2\n", "tabs"), ("1 2 3\n", "spaces"),
      ("a,b\n1,\n", "row 2: column 2 is empty; write nan"),
      ("1,NA\n", "column 2 is not a number: 'NA'; --header yes"), ("NA\n1\n", "row 1: column 1"),
      (",\n1,2\n", "column 1 is empty"), ("\u{feff}\"a,b\n", "not closed"),
      ("{\"a\": 1, \"b\": [2]}", "row 1"),
    ])
  func messages(text: String, expected: String) throws {
    let found = try message { _ = try csv(text).read(9) }
    #expect(found.contains(expected), "\(found)")
  }

  @Test("a byte-order mark is no part of the first name, and UTF-16 is named")
  func marks() throws {
    let options = TableOptions(columns: try #require(ColumnSelection("a")))
    #expect(try csv("\u{feff}a,b\n1,2\n", options).read(9) == [1])
    #expect(try csv("\u{feff}1,2\n").read(9) == [1, 2])
    #expect(try message { _ = try reader(Data([0xff, 0xfe, 49, 0]), "a.csv") }.contains("UTF-16"))
  }

  @Test("a row has one number in all messages: that of its line")
  func numbers() throws {
    let rows = try csv("a,b\n0.5,1\n\nnan,2\n1,3\n")
    _ = try rows.read(2)
    #expect(rows.number(ofRow: 0) == 2 && rows.number(ofRow: 1) == 4)
    _ = try rows.read(2)
    #expect(rows.number(ofRow: 0) == 5)
    #expect(try message { _ = try csv("a,b\n0.5,1\n\nNA,2\n").read(9) }.contains("row 4:"))
  }

  @Test(
    "numbers of every type and byte order are read",
    arguments: [
      ("<f2", [0, 60, 0, 192], [1, -2]), (">f4", [63, 128, 0, 0, 192, 0, 0, 0], [1, -2]),
      (">f8", [63, 240, 0, 0, 0, 0, 0, 0, 192, 0, 0, 0, 0, 0, 0, 0], [1, -2]),
      ("<i4", [1, 0, 0, 0, 254, 255, 255, 255], [1, -2]), (">i2", [0, 1, 255, 254], [1, -2]),
      ("|i1", [1, 254], [1, -2]), ("|u1", [1, 254], [1, 254]), ("|b1", [1, 0], [1, 0]),
      ("<i8", [1, 0, 0, 0, 0, 0, 0, 0, 254, 255, 255, 255, 255, 255, 255, 255], [1, -2]),
      ("<u2", [1, 0, 255, 255], [1, 65535]),
    ] as [(String, [UInt8], [Double])])
  func types(type: String, bytes: [UInt8], values: [Double]) throws {
    #expect(try reader(npy(type, "(2,)", bytes), "a.npy").read(9) == values)
    #expect(try reader(npy(type, "(2,)", bytes), "a.npy").readFloats(9) == values.map { Float($0) })
  }

  @Test("Fortran order gives the same rows, in chunks of any size", arguments: [1, 2, 3, 9])
  func fortran(chunk: Int) throws {
    let bytes: [UInt8] = (0..<12).map { UInt8(4 * ($0 % 3) + $0 / 3) }
    let rows = try reader(npy("|u1", "(3, 4)", isFortran: true, bytes), "a.npy")
    var values: [Double] = []
    while true {
      let part = try rows.read(chunk)
      if part.isEmpty { break }
      values += part
    }
    #expect(values == (0..<12).map(Double.init))
  }

  @Test("arrays of an archive are read by name, stored or compressed, and damage is an error")
  func archives() throws {
    // x = numpy.arange(150)**2 % 97 / 8 as 50 rows of f4, c = four ones; by numpy.savez and savez_compressed.
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures")
    for name in ["stored.npz", "compressed.npz"] {
      let path = folder.appendingPathComponent(name).path
      let rows = try openRows(path, options: TableOptions(array: "x"))
      #expect(rows.columns == 3 && rows.rowCount == 50)
      #expect(try rows.read(100) == (0..<150).map { Double($0 * $0 % 97) / 8 })
      #expect(try message { _ = try openRows(path) }.contains("--array with one of x, c"))
      #expect(
        try message { _ = try openRows(path, options: TableOptions(array: "y")) }.contains("'y'"))
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for place in stride(from: 0, to: whole.count, by: 3) {
        var damaged = whole
        damaged[place] ^= 0x55
        _ = try? reader(damaged, "d.npz", TableOptions(array: "x")).read(100)
        _ = try? reader(whole.prefix(place), "d.npz", TableOptions(array: "x")).read(100)
      }
    }
  }

  @Test("a file of another kind is named by what it is")
  func kinds() throws {
    #expect(try message { _ = try reader(npy("<f4", "(0,)", []), "a.csv") }.contains("NumPy array"))
    #expect(
      try message { _ = try reader(Data("PK\u{3}\u{4}xxxxxx".utf8), "a.npy") }.contains("zip"))
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try npy("<f4", "(0,)", []).write(to: URL(fileURLWithPath: folder + "/x"))
    #expect(try message { _ = try SafetensorsFile(path: folder + "/x") }.contains("NumPy array"))
  }
}
