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
    try self.init(
      outputs: adjacency.rows, inputs: adjacency.columns, hiddenFeatures: hiddenFeatures,
      activation: activation, residual: residual, in: scope
    ) { adjacency }
  }

  /// Registers masked layers; a checkpoint has their masks, else they come from the adjacency.
  ///
  /// - Throws: `FlowError.nullJacobian` if no output depends on any input, or another `FlowError` if the
  ///   layers are too large or not the checkpoint's.
  init(
    outputs: Int, inputs: Int, hiddenFeatures: [Int], activation: Activation, residual: Bool,
    in scope: ModuleScope, adjacency: () throws(FlowError) -> Mask
  ) throws(FlowError) {
    let widths = [inputs] + hiddenFeatures + [outputs]
    var parts: [Part] = []
    var units: HiddenUnits?
    /// The masks of a model that comes from no checkpoint.
    func made() throws(FlowError) -> HiddenUnits {
      if let units { return units }
      try scope.reserve(rows: outputs, columns: inputs)
      let new = HiddenUnits(outputsOf: try adjacency(), widths: hiddenFeatures)
      units = new
      return new
    }
    func layer(
      _ rows: Int, _ columns: Int, _ place: ModuleScope,
      _ mask: (HiddenUnits) -> Mask?
    ) throws(FlowError) -> MaskedLinear {
      let layer = try MaskedLinear(rows: rows, columns: columns, in: place) {
        () throws(FlowError) in
        guard let mask = mask(try made()) else { throw .nullJacobian(place: scope.path) }
        return mask
      }
      guard layer.mask.count > 0 else { throw .nullJacobian(place: scope.path) }
      return layer
    }
    for index in 0...hiddenFeatures.count {
      let (columns, rows) = (widths[index], widths[index + 1])
      let isLast = index == hiddenFeatures.count
      if !(residual && 0 < index && !isLast && rows == columns) {
        parts.append(
          .linear(try layer(rows, columns, scope.child("\(parts.count)")) { $0.mask(index) }))
      }
      if isLast { break }
      if residual {
        let block = scope.child("\(parts.count)")
        parts.append(
          .residual(
            try layer(rows, rows, block.child("0")) { $0.square(index) },
            try layer(rows, rows, block.child("2")) { $0.square(index) }))
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
}
