/// C files as translation units that compilers work on side by side.
///
/// The first unit packs parameters, the second has the products of layers, and each but the first has the loops
/// over rows of some functions: what uses the same kernels stays together, since every unit compiles those that it
/// uses. Functions that stand anywhere go where the least is to be done.
struct CUnits {
  /// The parts of each unit.
  let texts: [String]
  /// The functions that one unit defines and others call.
  let names: [String]

  /// Divides parts that stand in one file in this order; `unit` is the one with the loops over rows of the function
  /// that a part belongs to, 1 for the first.
  init(_ parts: [(part: CPart, unit: Int)]) {
    let count = (parts.map(\.unit).max() ?? 1) + 1
    var efforts = [Self.ofFirst] + Array(repeating: Self.ofLoops, count: count - 1)
    var homes = parts.map { part, unit -> Int? in
      switch part.place {
      case .everywhere, .anywhere: nil
      case .preparing: 0
      case .products: 1
      case .running: unit
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
      zip(parts, homes).compactMap { part, home in
        home == nil || home == unit ? part.part.text : part.part.declaration
      }.joined(separator: "\n")
    }
    names = parts.compactMap(\.part.name)
  }

  /// The effort of packing and of the interface.
  private static let ofFirst = 17_000
  /// The effort of what all loops over rows use.
  private static let ofLoops = 12_000
}
