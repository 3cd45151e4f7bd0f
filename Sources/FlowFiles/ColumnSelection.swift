/// Columns of a table, chosen by name or by number from 1, such as `mass,radius` or `2-4,7`.
public struct ColumnSelection: Hashable, Sendable, CustomStringConvertible {
  private let items: [String]

  /// Parses names, numbers and ranges of numbers, separated by commas; nil if one is empty.
  public init?(_ text: String) {
    items = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmed
    }
    if items.contains("") { return nil }
  }

  /// Names, whatever they contain.
  init(names: [String]) { items = names }

  /// The selection as it was written.
  public var description: String { items.joined(separator: ",") }

  /// Whether some column can only be meant by its name.
  var needsNames: Bool { items.contains { Self.range($0) == nil } }

  /// The places, from 0, of the columns that are chosen by number.
  func numbered(of count: Int) -> [Int] {
    items.flatMap { item in
      Self.range(item).map { $0.clamped(to: 1...max(count, 1)).map { $0 - 1 } } ?? []
    }
  }

  /// The places, from 0, of the chosen columns of a table.
  ///
  /// - Throws: `FileError.mismatch` for a column that is not there or not the only one of its name.
  public func places(names: [String], count: Int, path: String) throws(FileError) -> [Int] {
    var places: [Int] = []
    for item in items {
      let named = names.indices.filter { names[$0] == item }
      if named.count == 1 {
        places += named
        continue
      }
      if named.count > 1 {
        throw .mismatch(
          path: path, found: "\(named.count) columns named '\(item)'",
          expected: "one; choose it by its number, \(named[0] + 1) or \(named[1] + 1)")
      }
      guard let range = Self.range(item), range.upperBound <= count else {
        let known =
          names.isEmpty
          ? "a number from 1 to \(count)"
          : "one of " + names.prefix(20).map { "'\($0)'" }.joined(separator: ", ")
            + (names.count > 20 ? ", …" : "") + ", or a number from 1 to \(count)"
        throw .mismatch(path: path, found: "no column '\(item)'", expected: known)
      }
      places += range.map { $0 - 1 }
    }
    return places
  }

  /// The numbers of an item such as `3` or `3-5`; nil if it is none.
  private static func range(_ item: String) -> ClosedRange<Int>? {
    let parts = item.split(separator: "-", omittingEmptySubsequences: false)
    guard let first = parts.first.flatMap({ Int($0) }), first >= 1, parts.count <= 2,
      let last = parts.last.flatMap({ Int($0) }), first <= last, last <= 1_000_000
    else { return nil }
    return first...last
  }
}

extension Substring {
  /// The text without spaces and tabs around it.
  var trimmed: String {
    var text = self
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
