// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowir",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Flows", targets: ["Flows"]),
    .library(name: "FlowIR", targets: ["FlowIR", "FlowPasses", "FlowCodegen", "FlowRuntime"]),
    .library(name: "FlowFiles", targets: ["FlowFiles"]),
    .executable(name: "flowir", targets: ["FlowCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: [
    .target(name: "FlowIR", exclude: ["README.md"]),
    .target(name: "FlowPasses", dependencies: ["FlowIR"], exclude: ["README.md"]),
    .target(name: "CFlowKernels", exclude: ["README.md"]),
    .target(
      name: "FlowCodegen", dependencies: ["FlowIR", "FlowPasses"], exclude: ["README.md"]),
    .target(
      name: "FlowRuntime",
      dependencies: ["FlowIR", "FlowPasses", "FlowCodegen", "CFlowKernels", "FlowFiles"],
      exclude: ["README.md"]),
    .target(name: "FlowFiles", exclude: ["README.md"]),
    .target(
      name: "Flows",
      dependencies: ["FlowIR", "FlowPasses", "FlowCodegen", "FlowRuntime", "FlowFiles"],
      exclude: ["README.md"]),
    .target(name: "FlowPlot", exclude: ["README.md"]),
    .target(name: "CReportPage", exclude: ["README.md", "page"]),
    .executableTarget(
      name: "FlowCommand",
      dependencies: [
        "Flows", "FlowFiles", "FlowPlot", "CReportPage", "FlowIR", "FlowPasses", "FlowCodegen",
        "FlowRuntime",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["README.md"]),
    .executableTarget(
      name: "Galaxies", dependencies: ["Flows"],
      path: "Sources/Examples/Galaxies", exclude: ["README.md", "galaxies.npy"]),
    .executableTarget(
      name: "GaussianModel", dependencies: ["Flows"],
      path: "Sources/Examples/GaussianModel", exclude: ["README.md"]),
    .executableTarget(
      name: "OwnParts", dependencies: ["Flows"],
      path: "Sources/Examples/OwnParts", exclude: ["README.md"]),
    .executableTarget(
      name: "Tutorials", dependencies: ["Flows"],
      path: "Sources/Examples/Tutorials", exclude: ["README.md"]),
    .testTarget(name: "FlowIRTests", dependencies: ["FlowIR"], exclude: ["README.md"]),
    .testTarget(
      name: "FlowPassesTests", dependencies: ["FlowPasses", "FlowIR"], exclude: ["README.md"]),
    .testTarget(
      name: "FlowCodegenTests", dependencies: ["FlowCodegen", "FlowIR"], exclude: ["README.md"]),
    .testTarget(
      name: "FlowRuntimeTests",
      dependencies: ["FlowRuntime", "FlowPasses", "FlowIR", "CFlowKernels"], exclude: ["README.md"]),
    .testTarget(
      name: "FlowFilesTests", dependencies: ["FlowFiles"], exclude: ["README.md", "Fixtures"]),
    .testTarget(name: "FlowPlotTests", dependencies: ["FlowPlot"], exclude: ["README.md"]),
    .testTarget(
      name: "FlowsTests", dependencies: ["Flows", "FlowFiles", "FlowIR", "FlowRuntime"],
      exclude: ["README.md"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "FlowCommandTests",
      dependencies: [
        "Flows", "FlowFiles", "FlowPlot", "FlowIR", "FlowRuntime", "FlowCommand", "GaussianModel",
        "OwnParts", "Tutorials",
      ],
      exclude: ["README.md", "Hosts"]),
    .testTarget(
      name: "GoldenTests", dependencies: ["FlowIR", "FlowPasses", "FlowCodegen"],
      exclude: ["README.md"]),
    .testTarget(
      name: "ZukoParityTests", dependencies: ["Flows", "FlowFiles", "FlowRuntime", "FlowIR"],
      exclude: ["README.md", "zuko-tests.md"], resources: [.copy("Fixtures")]),
  ]
)
