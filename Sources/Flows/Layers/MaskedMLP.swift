import FlowIR

/// A multi-layer perceptron whose Jacobian is zero where an adjacency matrix is.
///
/// Outputs with the same dependences are merged into classes; each hidden unit belongs to one
/// class and sees the units of the classes that its own includes (Germain et al., "MADE", 2015,
/// generalised to any adjacency as in Zuko).
public struct MaskedMLP: Layer {
  private enum Part {
    case linear(MaskedLinear)
    case activation
    /// `x + second(activation(first(x)))`.
    case residual(MaskedLinear, MaskedLinear)
  }

  private let parts: [Part]
  private let activation: Activation

  /// Registers masked layers under Zuko's names.
  ///
  /// - Throws: `FlowError.nullJacobian` if no output depends on any input.
  public init(
    adjacency: Mask, hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu,
    residual: Bool = false, in scope: ModuleScope
  ) throws(FlowError) {
    let (classes, inverse) = Self.uniqueRows(adjacency)
    let precedence = Self.precedence(classes)
    var parts: [Part] = []
    var indices: [Int] = []
    for layer in 0...hiddenFeatures.count {
      var mask =
        layer > 0
        ? precedence.reordered(rows: Array(0..<classes.rows), columns: indices) : classes
      if mask.count == 0 { throw .nullJacobian(place: scope.path) }
      let inputs = Array(0..<mask.columns)
      if layer < hiddenFeatures.count {
        let reachable = (0..<mask.rows).filter { row in inputs.contains { mask[row, $0] } }
        indices = (0..<hiddenFeatures[layer]).map { reachable[$0 % reachable.count] }
        mask = mask.reordered(rows: indices, columns: inputs)
      } else {
        mask = mask.reordered(rows: inverse, columns: inputs)
      }
      let isSquare = mask.rows == mask.columns
      let isReplaced = residual && 0 < layer && layer < hiddenFeatures.count && isSquare
      if !isReplaced {
        parts.append(.linear(MaskedLinear(mask, in: scope.child("\(parts.count)"))))
      }
      if layer == hiddenFeatures.count { break }
      if residual {
        let inner = precedence.reordered(rows: indices, columns: indices)
        let block = scope.child("\(parts.count)")
        parts.append(
          .residual(
            MaskedLinear(inner, in: block.child("0")), MaskedLinear(inner, in: block.child("2"))))
      } else {
        parts.append(.activation)
      }
    }
    self.parts = parts
    self.activation = activation
  }

  /// The outputs for inputs along the last axis; each sees what its row of the adjacency lets
  /// through.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    parts.reduce(x) { h, part in
      switch part {
      case .linear(let layer): layer(h)
      case .activation: activation(h)
      case .residual(let first, let second): h + second(activation(first(h)))
      }
    }
  }

  /// The distinct rows in lexicographic order, and the class of each row.
  private static func uniqueRows(_ mask: Mask) -> (Mask, [Int]) {
    func row(_ index: Int) -> ArraySlice<Bool> {
      mask.bits[index * mask.columns..<(index + 1) * mask.columns]
    }
    func precedes(_ a: ArraySlice<Bool>, _ b: ArraySlice<Bool>) -> Bool {
      a.lexicographicallyPrecedes(b) { !$0 && $1 }
    }
    var distinct: [ArraySlice<Bool>] = []
    for candidate in (0..<mask.rows).map(row).sorted(by: precedes)
    where distinct.last.map({ !$0.elementsEqual(candidate) }) ?? true {
      distinct.append(candidate)
    }
    let inverse = (0..<mask.rows).map { index in
      distinct.firstIndex { $0.elementsEqual(row(index)) } ?? 0
    }
    let bits = distinct.flatMap { Array($0) }
    return (Mask(rows: distinct.count, columns: mask.columns, bits: bits), inverse)
  }

  /// `[i, j]`: whether class `i` sees all that class `j` sees.
  private static func precedence(_ classes: Mask) -> Mask {
    var bits: [Bool] = []
    for i in 0..<classes.rows {
      for j in 0..<classes.rows {
        bits.append((0..<classes.columns).allSatisfy { !classes[j, $0] || classes[i, $0] })
      }
    }
    return Mask(rows: classes.rows, columns: classes.rows, bits: bits)
  }
}
