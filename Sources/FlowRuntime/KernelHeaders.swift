import CFlowKernels
import FlowIR

/// The kernels that generated code is made of, as one C text.
enum KernelHeaders {
  /// All headers in the order of their includes, for one float type.
  static func text(dtype: DType) -> String {
    var text = dtype == .f64 ? "#define FK_DOUBLE 1\n" : ""
    for index in 0..<fk_embedded_header_count() {
      let header = String(cString: fk_embedded_header(index))
      // The headers stand in one file, so they need not include each other.
      text += header.split(separator: "\n", omittingEmptySubsequences: false)
        .filter { !$0.hasPrefix("#include \"fk_") }.joined(separator: "\n")
    }
    return text
  }
}
