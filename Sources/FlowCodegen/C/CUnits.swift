import Foundation

/// C files as translation units that compilers work on side by side.
///
/// The first unit packs parameters and has the loops over rows of the first functions, of which those for a shared
/// context pack too, the second has the products of layers, and each of the others the loops of more functions: what
/// uses the same kernels stays together, since every unit compiles those that it uses. Functions that stand anywhere
/// go where the least is to be done.
struct CUnits {
  /// The parts of each unit.
  let texts: [String]
  /// The functions that one unit defines and others call.
  let names: [String]

  /// Divides parts that stand in one file in this order; `unit` is the one with the loops over rows of the function
  /// that a part belongs to, 1 for those in the first unit, with the packing, and 2 and more for the others.
  init(_ parts: [(part: CPart, unit: Int)]) {
    let count = (parts.map(\.unit).max() ?? 1) + 1
    var efforts =
      [Self.ofPacking + Self.ofLoops, Self.ofProducts]
      + Array(repeating: Self.ofLoops, count: count - 2)
    var homes = parts.map { part, unit -> Int? in
      switch part.place {
      case .everywhere, .whereNamed, .anywhere: nil
      case .preparing: 0
      case .products: 1
      case .running: unit == 1 ? 0 : unit
      }
    }
    for (index, home) in homes.enumerated() {
      if let home { efforts[home] += parts[index].part.effort }
    }
    let free = parts.indices.filter { parts[$0].part.place == .anywhere }
    func isLonger(_ a: Int, _ b: Int) -> Bool {
      (parts[a].part.effort, b) > (parts[b].part.effort, a)
    }
    for index in free.sorted(by: isLonger) {
      let least = efforts.indices.min { efforts[$0] < efforts[$1] } ?? 0
      homes[index] = least
      efforts[least] += parts[index].part.effort
    }
    texts = (0..<count).map { unit in
      let pieces = zip(parts, homes).map { part, home -> String? in
        if part.part.place == .whereNamed { return nil }
        return home == nil || home == unit ? part.part.text : part.part.declaration
      }
      let words = pieces.reduce(into: Set<String>()) { $0.formUnion(Self.tables(in: $1 ?? "")) }
      return zip(parts, pieces).compactMap { part, piece in
        piece ?? part.part.name.flatMap { words.contains($0) ? part.part.text : nil }
      }.joined(separator: "\n")
    }
    names = parts.filter { $0.part.place != .whereNamed }.compactMap(\.part.name)
  }

  /// The names of tables in C.
  private static func tables(in code: String) -> [String] {
    code.components(separatedBy: "table_").dropFirst().map { rest in
      "table_" + rest.prefix { $0.isASCII && $0.isNumber }
    }
  }

  /// The effort of packing and of the interface.
  static let ofPacking = 17_000
  /// The effort of what all loops over rows use.
  static let ofLoops = 12_000
  /// The effort of what all products use.
  static let ofProducts = 8_000
}
