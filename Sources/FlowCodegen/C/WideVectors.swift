/// The names of wide vectors in C: `fw_` and `FW_` where those of one vector have `fk_` and `FK_`.
///
/// Code for vectors becomes code for wide vectors by this change of names alone, and gives each lane the same
/// bits.
package enum WideVectors {
  /// The types of one number and of one register, which wide vectors are made of too.
  private static let kept: Set<Substring> = ["fk_real", "fk_word", "fk_register"]
  /// The macros that depend on a vector's size or use its functions.
  private static let macros: Set<Substring> = [
    "FK_BYTES", "FK_LANES", "FK_POLYNOMIAL", "FK_VECTOR_H", "FK_MATH_H",
  ]

  /// The text of code for vectors, with the names of wide vectors.
  package static func text(_ code: String) -> String {
    var out = ""
    var rest = code[...]
    while let first = rest.first {
      let isName = isPart(first)
      let word = rest.prefix { isPart($0) == isName }
      rest = rest[word.endIndex...]
      if isName && word.hasPrefix("fk_") && !kept.contains(word) {
        out += "fw_" + word.dropFirst(3)
      } else if isName && macros.contains(word) {
        out += "FW_" + word.dropFirst(3)
      } else {
        out += word
      }
    }
    return out
  }

  private static func isPart(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || character == "_")
  }
}
