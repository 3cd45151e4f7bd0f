import FlowIR

/// Folds constants and removes operations that do nothing, by a list of small rewrites.
///
///     %1 = reshape %x : rows x 2 x 3 x f32
///     %2 = reshape %1 : rows x 6 x f32           (%x itself)
///     %3 = multiply %2, %one : rows x 6 x f32 →
///
/// Every rewrite keeps each bit of the result, NaN and signed zeros included.
public let simplify = Pass(
  name: "simplify", summary: "folds constants and removes what does nothing"
) { function, budget throws(TypeError) in
  try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    for rewrite in simplifyRewrites {
      if let results = try rewrite(operation, rewriter) { return results }
    }
    return nil
  }
}

typealias Rewrite = @Sendable (TensorOperation, Rewriter) throws(TypeError) -> [Value]?

/// The rewrites in the order in which they are tried.
let simplifyRewrites: [Rewrite] = [
  foldSplats, removeNeutral, removeDoubleNegation, selectConstant, removeConversion,
  composeReshapes, composeSlices, composeGathers, composeTransposes, splatView, scatterPermutation,
]
