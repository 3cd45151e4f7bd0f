extension UnconditionalDistribution {
  /// A `StandardStudentT` with the tensor `df`, a parameter that is trained or a buffer.
  public static func standardStudentT(
    features: Int, df: Double = 5, buffer: Bool = true, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let df = scope.tensor(
      "df", [features], initializer: .values(Array(repeating: df, count: features)),
      isBuffer: buffer)
    return UnconditionalDistribution { StandardStudentT(df: df.tensor) }
  }

  /// A `StandardStudentT` whose degrees of freedom are learnt: the parameter `log_df` is their logarithm. They
  /// begin at 10, and stay between 0.1 and 1000.
  public static func studentT(
    features: Int, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let start = Array(repeating: logOf(10), count: features)
    let logDF = scope.parameter("log_df", [features], initializer: .values(start))
    return UnconditionalDistribution {
      StandardStudentT(df: exp(logDF.tensor.clamped(logOf(0.1), logOf(1000))))
    }
  }

  /// A `UniformNormal` with the buffer `mask` of the features that are uniform, and the tensor `scale`, a
  /// parameter that is trained or a buffer.
  public static func uniformNormal(
    features: Int, buffer: Bool = true, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let mask = scope.booleans(
      "mask", Array(repeating: false, count: features), shape: [features])
    let scale = scope.tensor("scale", [features], initializer: .ones, isBuffer: buffer)
    let isUniform = mask.count == features ? mask : Array(repeating: false, count: features)
    return UnconditionalDistribution { UniformNormal(scale: scale.tensor, isUniform: isUniform) }
  }
}
