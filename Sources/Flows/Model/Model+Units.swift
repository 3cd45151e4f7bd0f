import FlowRuntime

/// The units of a model's data.
extension Model {
  /// The centre and the scale of the features, of a flow that begins with `(x - centre) / scale`; nil for
  /// another. Setting them changes the units, and does nothing for another flow.
  public var units: ColumnUnits? {
    get {
      guard let description, description.hasUnits else { return nil }
      return units(
        at: description.unitsPath, [["loc", "_0"], ["scale", "_1"]], columns: features)
    }
    set {
      guard let description, description.hasUnits, let newValue else { return }
      set(newValue, at: description.unitsPath, [["loc", "_0"], ["scale", "_1"]])
    }
  }

  /// The centre and the scale of the context, of a flow whose context is standardized; nil for another.
  /// Setting them changes the units, and does nothing for another flow.
  public var contextUnits: ColumnUnits? {
    get {
      guard let description, description.hasContextUnits else { return nil }
      return units(at: description.contextUnitsPath, [["mean"], ["std"]], columns: context)
    }
    set {
      guard let description, description.hasContextUnits, let newValue else { return }
      set(newValue, at: description.contextUnitsPath, [["mean"], ["std"]])
    }
  }

  /// The centre and the scale of features that bounds were taken off, of a flow that begins with bounds and
  /// is standardized; nil for another. Setting them changes the units.
  public var unboundedUnits: ColumnUnits? {
    get {
      guard let description, description.hasUnboundedUnits else { return nil }
      return units(
        at: description.path(ofTransform: 1), [["loc", "_0"], ["scale", "_1"]], columns: features)
    }
    set {
      guard let description, description.hasUnboundedUnits, let newValue else { return }
      set(newValue, at: description.path(ofTransform: 1), [["loc", "_0"], ["scale", "_1"]])
    }
  }

  /// What rows are centred by before they are rounded to float32, and the scale of their differences: `units`; of
  /// a flow that begins with bounds, those of the features without any, and the middle of the others where it is
  /// far from zero; of an ensemble, the centre of its members and their smallest scales. Nil for a flow with
  /// neither.
  public var rowUnits: ColumnUnits? {
    guard let bounds else {
      guard var found = units, let scale = memberScale else { return units }
      found.scale = scale
      return found
    }
    let inner = unboundedUnits
    var found = ColumnUnits(
      centre: Array(repeating: 0, count: features), scale: Array(repeating: 1, count: features))
    for feature in 0..<features {
      let (low, high) = (bounds.lower[feature], bounds.upper[feature])
      let centre = inner?.centre[feature] ?? 0
      // How far from its only bound a feature is: the exponential of its logarithm's centre.
      func distance(_ log: Double) -> Double { expOf(min(max(log, -80), 80)) }
      let middle: (centre: Double, scale: Double) =
        switch (low.isFinite, high.isFinite) {
        case (false, false): (centre, inner?.scale[feature] ?? 1)
        case (true, true): (low + (high - low) / 2, (high - low) / 4)
        case (true, false): (low + distance(centre), distance(centre))
        case (false, true): (high - distance(-centre), distance(-centre))
        }
      let isBounded = low.isFinite || high.isFinite
      if isBounded, !ColumnUnits.losesDigits(centre: middle.centre, scale: middle.scale) {
        continue
      }
      (found.centre[feature], found.scale[feature]) = middle
    }
    return found
  }

  private func units(at path: String, _ names: [[String]], columns: Int) -> ColumnUnits? {
    var found: [[Double]] = []
    for names in names {
      let array = names.lazy.compactMap { values["\(path).\($0)"] }.first
      guard let array, array.shape == [columns] else { return nil }
      found.append(array.doubles)
    }
    return ColumnUnits(centre: found[0], scale: found[1])
  }

  private mutating func set(_ units: ColumnUnits, at path: String, _ names: [[String]]) {
    set([units.centre, units.scale], at: path, names)
  }

  /// Sets tensors, each known by one of some names.
  mutating func set(_ arrays: [[Double]], at path: String, _ names: [[String]]) {
    for (names, numbers) in zip(names, arrays) {
      for name in names.map({ "\(path).\($0)" }) {
        guard let shape = values[name]?.shape, shape == [numbers.count] else { continue }
        // The centre of numbers far from zero has its digits in float64 alone.
        let floats = numbers.map { Float($0) }
        values[name] =
          floats.map { Double($0) } == numbers
          ? HostArray(floats, shape: shape) : HostArray(numbers, shape: shape)
      }
    }
  }

  /// Puts the flow in the units of a table: from now on it begins with `(x - centre) / scale`, the context
  /// passes through the same, and log-densities are those of the data as they are given.
  ///
  /// Features of `NCSF`, which are angles, stay as they are. A flow that begins so already gets the units
  /// of this table.
  ///
  ///     var flow = try NSF(features: 5, context: 8)
  ///     try flow.standardize(x, context: c)
  ///     try await flow.fit(x, context: c)
  ///
  /// - Parameters:
  ///   - x: the rows, all of them finite.
  ///   - context: the context of each row; nil to leave the context as it is.
  ///   - weights: how much each row counts; nil if all count alike.
  ///   - method: what centre and scale are.
  /// - Throws: `FlowError` for a table that does not fit, or a model that a closure built.
  public mutating func standardize<Scalar: FlowScalar>(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, weights: [Float]? = nil,
    by method: Standardization = .deviation
  ) throws(FlowError) {
    try check(x, columns: features, weights: weights, "x")
    if let context { try check(context, columns: self.context, weights: weights, "context") }
    try addUnits(context: context != nil)
    if let bounds {
      unboundedUnits = keepingAngles(
        ColumnUnits(
          of: bounds.unbounded(x.values), columns: x.columns, weights: weights, by: method))
    } else {
      units = keepingAngles(
        ColumnUnits(of: x.values, columns: x.columns, weights: weights, by: method))
    }
    guard let context else { return }
    contextUnits = ColumnUnits(
      of: context.values, columns: context.columns, weights: weights, by: method)
  }

  /// The model of rows from which the centres of its units were subtracted: the same densities, without
  /// the digits that float32 loses of numbers far from zero.
  ///
  /// - Parameters:
  ///   - features: whether the centre of the features is subtracted by the caller.
  ///   - context: whether that of the context is.
  public func centred(features: Bool = true, context: Bool = true) -> Model {
    var model = self
    if features, let rowUnits {
      for index in model.discrete.indices {
        model.discrete[index].origin -= rowUnits.centre[model.discrete[index].feature]
      }
      model.move(by: rowUnits.centre)
    }
    if context, var contextUnits {
      contextUnits.centre = contextUnits.centre.map { _ in 0 }
      model.contextUnits = contextUnits
    }
    return model
  }

  /// Subtracts numbers from what the flow knows of the places of its features: the centre of its units, and its
  /// bounds.
  mutating func move(by centre: [Double]) {
    func less(_ numbers: [Double], _ isMoved: [Bool]) -> [Double] {
      numbers.indices.map { isMoved[$0] ? numbers[$0] - centre[$0] : numbers[$0] }
    }
    let isFree = bounds.map { zip($0.lower, $0.upper).map { $0.isInfinite && $1.isInfinite } }
    if var units {
      units.centre = less(units.centre, units.centre.map { _ in true })
      self.units = units
    } else if let bounds, let isFree {
      self.bounds = try? Bounds(
        lower: less(bounds.lower, isFree.map { !$0 }), upper: less(bounds.upper, isFree.map { !$0 })
      )
      if var inner = unboundedUnits {
        inner.centre = less(inner.centre, isFree)
        unboundedUnits = inner
      }
    }
  }

  /// Replaces the trained parameters, and the running statistics of layers, by those of another model of the same
  /// flow.
  public mutating func update(from other: Model) {
    for parameter in parameters where parameter.isTrainable || parameter.isRunningStatistic {
      values[parameter.name] = other.values[parameter.name]
    }
  }

  private func check(
    _ rows: Rows<some FlowScalar>, columns: Int, weights: [Float]?, _ name: String
  ) throws(FlowError) {
    guard rows.columns == columns, rows.count > 0 else {
      throw .invalid(
        place: name, found: "\(rows.count) rows of \(rows.columns) columns",
        expected: "rows of \(columns) columns")
    }
    guard rows.values.allSatisfy(\.isFinite) else {
      throw .invalid(place: name, found: "NaN or infinity", expected: "finite numbers")
    }
    if let weights, weights.count != rows.count {
      throw .invalid(
        place: "weights", found: "\(weights.count) numbers",
        expected: "\(rows.count), one for each row of \(name)")
    }
  }

  /// Puts transforms from units first where there are none, which leave everything as it is.
  mutating func addUnits(features: Bool = true, context: Bool) throws(FlowError) {
    guard let description else {
      throw .invalid(
        place: "standardize", found: "a model that a closure built",
        expected: "a described one; put an AffineTransform first in the closure")
    }
    let wanted = try description.standardized(features: features, context: context)
    guard wanted != description else { return }
    var added: Set<String> = []
    for (has, had, index) in [
      (wanted.hasUnits, description.hasUnits, 0),
      (wanted.hasUnboundedUnits, description.hasUnboundedUnits, 1),
    ] where has && !had {
      let path = wanted.path(ofTransform: index)
      added.formUnion(["loc", "_0", "scale", "_1"].map { "\(path).\($0)" })
    }
    if wanted.hasContextUnits, !description.hasContextUnits {
      added.formUnion(["mean", "std"].map { "\(wanted.contextUnitsPath).\($0)" })
    }
    self = try rebuilt(wanted, adding: added)
  }

  /// The model of another description that has the same parameters under other names, and some more.
  func rebuilt(
    _ wanted: FlowDescription, adding added: Set<String>
  ) throws(FlowError) -> Model {
    // Parameters are registered in the same order whatever they are called.
    let names = try Model(wanted).parameters.map(\.name).filter { !added.contains($0) }
    precondition(names.count == parameters.count, "units add no parameters but their own")
    let sources = Dictionary(uniqueKeysWithValues: zip(names, parameters))
    let checkpoint = RenamedParameters { sources[$0] }
    let scope = ModuleScope(registry: .init(checkpoint: checkpoint, seed: 0), path: "")
    var model = try Model(wanted, in: scope)
    model.values = initialValues(of: model.parameters, seed: 0)
    model.columns = columns
    model.discrete = discrete
    for (name, source) in sources { model.values[name] = values[source.name] }
    return model
  }
}
