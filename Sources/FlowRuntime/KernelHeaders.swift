import CFlowKernels
import FlowCodegen
import FlowIR
import Foundation

/// The kernels that generated code is made of, as one C text.
enum KernelHeaders {
  /// The headers that some C uses, in the order of their includes, for one float type; after those of which it is
  /// made, what computes with wide vectors. `rows` is the number of rows that most calls have, if it is known.
  ///
  /// Compilers read all that stands in a file: the kernels together take them a tenth of a second.
  static func text(for code: String, dtype: DType, rows: Int? = nil) -> String {
    var text = dtype == .f64 ? "#define FK_DOUBLE 1\n" : ""
    if let rows, rows <= 2 * shortTile { text += "#define FK_MOST_ROWS \(shortTile)\n" }
    let names = names(in: code)
    let isWide = names.contains { $0.hasPrefix("fw_") }
    var used = Set(headers.indices.filter { !headers[$0].ownNames.isDisjoint(with: names) })
    for index in headers.indices.reversed()
    where used.contains(index) || (isWide && index == mathHeader) {
      used.insert(index)
      used.formUnion(headers[index].includes)
    }
    for index in headers.indices where used.contains(index) {
      text += headers[index].text
      if isWide && index == mathHeader { text += wide }
    }
    return text
  }

  /// The rows of a tile where two make a whole call, so that two threads share it.
  private static let shortTile = 32

  private struct Header {
    /// The text without its includes, since the headers stand in one file, and the checks of its constants.
    let text: String
    /// The headers that it includes.
    let includes: [Int]
    /// The names in it that none of those has.
    let ownNames: Set<String>
  }

  private static let headers: [Header] = {
    let texts = (0..<fk_embedded_header_count()).map { String(cString: fk_embedded_header($0)) }
    let fileNames = texts.map { fileName(of: $0) }
    var headers: [Header] = []
    var all: [Set<String>] = []
    for (text, fileName) in zip(texts, fileNames) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let included = lines.filter { $0.hasPrefix(include) }.map {
        String($0.dropFirst(include.count - 3).prefix { $0 != "\"" })
      }
      let includes = included.compactMap { fileNames.firstIndex(of: $0) }
      let others = includes.reduce(into: Set<String>()) { $0.formUnion(all[$1]) }
      let names = names(in: withoutComments(text))
      headers.append(
        Header(
          text: lines.filter { !$0.hasPrefix(include) }.joined(separator: "\n")
            + SharedConstants.assertions(of: fileName),
          includes: includes, ownNames: names.subtracting(others)))
      all.append(names.union(others))
    }
    return headers
  }()

  /// How a line starts that includes another header.
  private static let include = "#include \"fk_"

  /// A header's file name, by the macro that guards it.
  private static func fileName(of text: String) -> String {
    let guardName = text.split(separator: "\n").first { $0.hasPrefix("#ifndef FK_") } ?? ""
    return guardName.dropFirst("#ifndef ".count).dropLast("_H".count).lowercased() + ".h"
  }

  /// A text without its comments, which name kernels of other headers.
  private static func withoutComments(_ text: String) -> String {
    text.components(separatedBy: "/*").enumerated().map { index, part in
      guard index > 0, let end = part.range(of: "*/") else { return part }
      return String(part[end.upperBound...])
    }.joined()
  }

  /// The names of kernels in a text.
  private static func names(in text: String) -> Set<String> {
    var names: Set<String> = []
    var name: [UInt8] = []
    func end() {
      if name.count > 3, name[2] == UInt8(ascii: "_"), name[0] | 0x20 == UInt8(ascii: "f"),
        [UInt8(ascii: "k"), UInt8(ascii: "w")].contains(name[1] | 0x20)
      {
        names.insert(String(decoding: name, as: UTF8.self))
      }
      name.removeAll(keepingCapacity: true)
    }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        name.append(byte)
      default: if !name.isEmpty { end() }
      }
    }
    end()
    return names
  }

  private static let vectorHeader = 1
  private static let mathHeader = 2

  /// The vectors' types and functions again, under the names of those of wide vectors.
  private static let wide: String = {
    let code = WideVectors.text(headers[vectorHeader].text + headers[mathHeader].text)
    return "#if FW_VECTORS > 1\n" + code + "#endif\n"
  }()
}
