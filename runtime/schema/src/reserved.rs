/// Words that cannot name a message or a field, because the generated Solidity must compile: those
/// that Solidity 0.8 does not take as identifiers, those that it warns it will not take for much
/// longer, and `tuple`, which begins a type.
const WORDS: &str = "
    abstract address after alias anonymous apply as assembly at auto bool break byte bytes calldata
    case catch constant constructor continue contract copyof days default define delete do else
    emit enum error ether event external fallback false final fixed for function gwei hex hours if
    immutable implements import in indexed inline int interface internal is layout leave let
    library macro mapping match memory minutes modifier mutable new null of override partial
    payable pragma private promise public pure receive reference relocatable return returns sealed
    seconds sizeof static storage string struct super supports switch this throw transient true try
    tuple type typedef typeof ufixed uint unchecked unicode using var view virtual weeks wei while
    years
";

/// Types that carry a size are reserved with every size: `uint8`, `bytes32`, `fixed128x18`.
const SIZED: [&str; 5] = ["uint", "int", "bytes", "ufixed", "fixed"];

pub(crate) fn is_reserved(word: &str) -> bool {
    let is_size = |rest: &str| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'x')
    };
    WORDS.split_whitespace().any(|reserved| reserved == word)
        || SIZED
            .iter()
            .any(|stem| word.strip_prefix(stem).is_some_and(is_size))
}
