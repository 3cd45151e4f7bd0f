// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "flowir", path: "../..")],
  targets: [
    .target(name: "CFuzz"),
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "CFuzz", .product(name: "Flows", package: "flowir"),
        .product(name: "FlowIR", package: "flowir"),
        .product(name: "FlowFiles", package: "flowir"),
      ]),
  ]
)
