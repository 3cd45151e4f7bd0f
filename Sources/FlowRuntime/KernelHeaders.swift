import CFlowKernels
import FlowCodegen
import FlowIR

/// The kernels that generated code is made of, as one C text.
enum KernelHeaders {
  /// All headers in the order of their includes, for one float type; after those of which it is made, what
  /// computes with wide vectors. `rows` is the number of rows that most calls have, if it is known.
  static func text(dtype: DType, rows: Int? = nil) -> String {
    var text = dtype == .f64 ? "#define FK_DOUBLE 1\n" : ""
    if let rows, rows <= 2 * shortTile { text += "#define FK_MOST_ROWS \(shortTile)\n" }
    for index in 0..<fk_embedded_header_count() {
      text += header(index)
      if index == mathHeader { text += wide }
    }
    return text
  }

  /// The rows of a tile where two make a whole call, so that two threads share it.
  private static let shortTile = 32

  private static let vectorHeader: Int32 = 1
  private static let mathHeader: Int32 = 2

  /// A header's text. The headers stand in one file, so they need not include each other.
  private static func header(_ index: Int32) -> String {
    String(cString: fk_embedded_header(index))
      .split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("#include \"fk_") }.joined(separator: "\n")
  }

  /// The vectors' types and functions again, under the names of those of wide vectors.
  private static let wide: String = {
    let code = WideVectors.text(header(vectorHeader) + header(mathHeader))
    return "#if FW_VECTORS > 1\n" + code + "#endif\n"
  }()
}
