import FlowIR
import FlowRuntime

/// The statistics of normalising layers: `ActNorm` and `BatchNorm`.
extension Model {
  /// Finds the statistics of normalising layers in rows: those of `ActNorm` layers that are as they were in a new
  /// model, and the running ones of every `BatchNorm`. `fit` does so by itself.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: the context of each row; nil for a flow without context.
  /// - Throws: `FlowError` for tables that do not fit, `RuntimeError` if there is no compiler.
  public mutating func findStatistics(
    _ x: Rows<Float>, context: Rows<Float>? = nil
  ) throws {
    let rows = WeightedRows(x: x.values, context: context?.values ?? [])
    let count = try rows.checkedCount(for: self, minimum: 1)
    let selection = RowSelection(rows, Array(0..<count))
    try values.merge(LayerStatistics(self, isFirst: true).values(self, selection)) { $1 }
  }

  /// The `ActNorm` layers whose tensors are zero, as in a new model, by the names of both.
  fileprivate var unset: Set<String> {
    var result: Set<String> = []
    for parameter in parameters
    where parameter.isTrainable && parameter.name.hasSuffix("log_scale") {
      let names = [parameter.name, parameter.name.dropLast(9) + "shift"]
      if names.allSatisfy({ values[$0]?.doubles.allSatisfy { $0 == 0 } == true }) {
        result.formUnion(names)
      }
    }
    return result
  }
}

extension Parameter {
  /// Whether it is the mean or the variance that a layer keeps of the rows it was trained on.
  var isRunningStatistic: Bool {
    !isTrainable && (name.hasSuffix("running_mean") || name.hasSuffix("running_var"))
  }
}

/// The function that finds the statistics of a model's normalising layers.
struct LayerStatistics {
  private let function: CompiledFunction?
  /// The most rows that they are found in.
  static let mostRows = 100_000

  /// Compiles the function.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - isFirst: whether `ActNorm` layers that are as in a new model are looked at too.
  ///   - isWeighted: whether rows have weights.
  init(_ model: Model, isFirst: Bool, isWeighted: Bool = false) throws {
    let unset = isFirst ? model.unset : []
    var inputs = [Input.rows("x", model.features)]
    if model.context > 0 { inputs.append(.rows("context", model.context)) }
    if isWeighted { inputs.append(.rows(Model.rowWeights)) }
    let traced = trace(inputs, name: "statistics") { tensors in
      let statistics = BatchStatistics(
        weights: isWeighted ? tensors.last : nil, unset: unset)
      tensors[0].trace.statistics = statistics
      _ = model.flow(model.context > 0 ? tensors[1] : nil).logProb(tensors[0])
      return statistics.found.map { ($0.parameter.name, $0.value) }
    }
    function = traced.function.results.isEmpty ? nil : try CompiledFunction(traced.optimized())
  }

  /// Whether there are layers with statistics.
  var isEmpty: Bool { function == nil }

  /// The statistics under a model's parameters, by the names of the tensors.
  func values(
    _ model: Model, _ selection: RowSelection, threads: Int? = nil
  ) throws -> [String: HostArray] {
    guard let function else { return [:] }
    let selection = selection.sample(Self.mostRows, seed: 0)
    let batch = selection.batch(selection.rows[...], of: model)
    let count = selection.rows.count
    var inputs: [String: HostArray] = [:]
    for (name, width) in [("x", model.features), ("context", model.context)] {
      if let values = batch[name] { inputs[name] = HostArray(values, shape: [count, width]) }
    }
    if let weights = batch[Model.rowWeights] {
      inputs[Model.rowWeights] = HostArray(weights, shape: [count])
    }
    return try function.bind(model.values, threads: threads)(inputs, rows: count, threads: threads)
  }
}
