import FlowIR

extension Storage {
  /// Numbers that a matrix exponential needs for each element: six matrices of doubles, whatever the
  /// float type.
  static let exponentialWork = 12

  /// Gives every stored value and pack its place: results where the caller wants them, constants in
  /// tables, the rest one after the other in the order in which they are made.
  init(
    _ views: Views, _ order: UniformOrder, packings: [Packing], inverseTables: [InverseTable]
  ) {
    let function = views.function
    for (index, argument) in function.arguments.enumerated() {
      locations[argument.value] = .argument(index)
    }
    for (value, level) in order.stored {
      let definition = views.definition(of: value)
      let elements = views.type(of: value).elementCount
      let result = function.results.firstIndex { $0.value == value }
      if case .constant(let literal)? = definition?.opcode {
        locations[value] = .table(tables.count)
        tables.append(literal)
        continue
      }
      if case .matrixExponential? = definition?.opcode {
        working[value] = allocate(Self.exponentialWork * elements, level: level)
      }
      if let root = order.shared[value] {
        locations[value] = locations[root]
      } else if let result, level > 0 {
        locations[value] = .result(result)
      } else {
        locations[value] = allocate(elements, level: level)
      }
    }
    for packing in packings {
      packs.append(allocate(packing.pack.layout.packedCount, level: packing.level))
    }
    for table in inverseTables { inverses.append(allocate(table.size, level: 0)) }
    stateElements = max(stateElements, Self.alignment)
    workElements += Self.alignment
  }

  private mutating func allocate(_ elements: Int, level: Int) -> Location {
    let size = Self.rounded(elements)
    if level == 0 {
      defer { stateElements += size }
      return .state(stateElements)
    }
    defer { workElements += size }
    return .work(workElements)
  }
}
