import FlowCodegen
import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime

extension Model {
  /// One of the model's functions, optimized.
  ///
  /// Its inputs and results are those of `function.signature`. With `sharedContext` all rows share one
  /// context; the gradient with respect to it is still given for each row.
  ///
  /// - Throws: `GradientError.onlyOnce` for `log_prob_hvp` of a flow whose gradient has no derivative;
  ///   another `GradientError` or a `TypeError` if a pass fails, which is a bug.
  public func function(
    _ function: FlowFunction, dtype: DType = .f32, sharedContext: Bool = false
  ) throws -> OptimizedFunction {
    switch function {
    case .compiled(.logProb), .compiled(.transform), .compiled(.inverse), .compiled(.sample):
      let traced = trace(function, dtype: dtype, sharedContext: sharedContext).function
      return try OptimizedFunction(traced, passes: Pipeline.forward)
    case .loss: return try trace(function, dtype: dtype, sharedContext: sharedContext).optimized()
    case .compiled(.logProbGradient):
      let logProb = try trace(.logProb, dtype: dtype, sharedContext: sharedContext).optimized()
      let both = try FlowPasses.gradient(
        of: logProb.function, result: "log_prob",
        withRespectTo: FlowFunction.logProb.signature.inputs(hasContext: context > 0),
        perRow: true)
      return try OptimizedFunction(
        markingMissing(both, name: function.name), passes: Pipeline.cleanup)
    case .compiled(.logProbHVP):
      let logProb = try trace(.logProb, dtype: dtype, sharedContext: sharedContext).optimized()
      let all = try hessianVectorProduct(
        of: logProb.function, result: "log_prob", withRespectTo: "x", vectors: "v")
      return try OptimizedFunction(
        markingMissing(all, name: function.name), passes: Pipeline.cleanup)
    case .gradient: return try gradientFunction(dtype: dtype)
    case .trainingStep: return try trainingStepFunction()
    }
  }

  /// A function of log-densities and their derivatives, with the derivatives of rows without a finite density as
  /// `FunctionBuilder.derivative(_:of:)` has them, and NaN as the product with each vector that has a NaN: a
  /// derivative need not depend on the input that is.
  private func markingMissing(_ function: Function, name: String) throws -> Function {
    let builder = FunctionBuilder(name: name)
    var map: [Value: Value] = [:]
    builder.copyArguments(of: function, into: &map)
    for operation in function.operations {
      try builder.copy(operation, of: function, mapping: &map)
    }
    let logProb = function.results.first { $0.name == "log_prob" }.flatMap { map[$0.value] }
    var results: [FunctionResult] = []
    for result in function.results {
      guard var value = map[result.value] else { continue }
      if let logProb, result.name != "log_prob" {
        value = try builder.derivative(value, of: logProb)
      }
      if result.name == "hvp", let vectors = builder.arguments.first(where: { $0.name == "v" }) {
        let type = function.type(of: result.value)
        let largest = try builder.emit(.reduce(.maximum, axis: 0), vectors.value)
        value = try builder.emit(
          .select,
          try builder.emit(.broadcast(type.shape), try builder.emit(.unary(.isNaN), largest)),
          builder.splat(.nan, shape: type.shape, dtype: type.dtype), value)
      }
      results.append(FunctionResult(name: result.name, value: value))
    }
    return builder.finish(results: results)
  }

  /// The C file of a compiled artifact of this model, and its header.
  ///
  /// - Parameters:
  ///   - functions: the functions that the artifact has.
  ///   - prefix: the prefix of the names of its functions.
  ///   - dtype: the float type to compute in.
  ///   - io: the float type of its arrays; nil for that it computes in. Arrays of float64 around code of float32 lose
  ///     the centre of the model's units before they are rounded, and samples get it back.
  /// - Throws: `CodegenError` for a prefix that is not a C name or an operation that can't be compiled,
  ///   `GradientError` if a function has no gradient.
  public func artifactSource(
    functions: [ArtifactFunction] = ArtifactFunction.standard,
    prefix: String = ArtifactSource.defaultPrefix, dtype: DType = .f32, io: DType? = nil
  ) throws -> ArtifactSource {
    guard dtype == .f32, io == .f64 else {
      return try artifactSource(functions, prefix, dtype, wide: nil, discrete: discrete)
    }
    let wide = WideArrays(
      centre: rowUnits?.centre ?? Array(repeating: 0, count: features),
      contextCentre: contextUnits?.centre ?? Array(repeating: 0, count: context),
      bounds: outerBounds.map { Array(zip($0.lower, $0.upper).map { $0...$1 }) } ?? [])
    return try centred().artifactSource(
      functions, prefix, dtype, wide: wide, discrete: discrete)
  }

  private func artifactSource(
    _ functions: [ArtifactFunction], _ prefix: String, _ dtype: DType, wide: WideArrays?,
    discrete: [DiscreteColumn]
  ) throws -> ArtifactSource {
    let kinds = ArtifactFunction.allCases.filter { functions.contains($0) }.flatMap { kind in
      (context > 0 ? [false, true] : [false]).map { (kind: kind, sharesContext: $0) }
    }
    let variants = try concurrentMap(kinds) { kind, shares in
      let function = try function(.compiled(kind), dtype: dtype, sharedContext: shares)
      return ArtifactVariant(
        kind, sharesContext: shares,
        program: try TileProgram(lowering: function.function, groups: "context"))
    }
    var weights: [String: [UInt8]] = [:]
    for variant in variants {
      for argument in variant.program.function.arguments where argument.kind != .input {
        guard weights[argument.name] == nil else { continue }
        guard let array = values[argument.name] else {
          throw FlowError.missingTensor(name: argument.name, expected: "a float tensor")
        }
        weights[argument.name] =
          dtype == .f64
          ? array.doubles.withUnsafeBytes { Array($0) } : array.floats.withUnsafeBytes { Array($0) }
      }
    }
    var title = "features: \(features)"
    if case .string(let type)? = description?.json["type"] { title = "\(type), \(title)" }
    if context > 0 { title += ", context: \(context)" }
    let trainable = parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
    return try ArtifactSource(
      prefix: prefix, features: features, context: context, dtype: dtype, variants: variants,
      weights: weights, title: title,
      members: "\"parameters\": \(trainable), \"flow\": \(description?.json.text ?? "null")"
        + (columns.isEmpty ? "" : ", \"columns\": \(columns.json.text)")
        + (discrete.isEmpty
          ? "" : ", \"discrete\": \(JSONValue.array(discrete.map(\.json)).text)"),
      wide: wide)
  }
}
