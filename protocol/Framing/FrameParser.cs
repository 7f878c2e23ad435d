using System.Buffers;

namespace Delos.Protocol.Framing;

/// <summary>What <see cref="FrameParser.TryParse"/> found at the front of the buffer.</summary>
public enum ParseResult
{
    /// <summary>A whole, checked frame; the buffer was advanced past it.</summary>
    Frame,

    /// <summary>What is there is right so far, but the frame is not complete.</summary>
    NeedMore,

    /// <summary>The bytes are not a frame of ours; <see cref="FrameParser.Error"/> and <see cref="FrameParser.ErrorText"/> say why. Nothing behind them can be trusted.</summary>
    Bad,
}

/// <summary>
/// Cuts a stream of bytes into frames. Pure and per connection: no socket, no clock. Checks in this order: length, version, checksum, type; each as soon as its bytes
/// are there, so that a forged length is refused by its header and never makes anybody buffer.
/// </summary>
public sealed class FrameParser(int maxFrameBytes, byte minVersion = FrameHeader.MinVersion, byte maxVersion = FrameHeader.MaxVersion)
{
    private const int KeptScratch = 64 * 1024;

    private static readonly bool[] s_known = KnownTypes();

    private byte[] _scratch = [];
    private bool _metadataChecked;

    /// <summary>Why the last result was <see cref="ParseResult.Bad"/>.</summary>
    public StatusCode Error { get; private set; }

    /// <summary>The same in words, for the Error frame and the log.</summary>
    public string ErrorText { get; private set; } = "";

    /// <summary>The largest frame accepted, header included.</summary>
    public int MaxFrameBytes { get; } = maxFrameBytes;

    /// <summary>Looks for one frame at the front of <paramref name="buffer"/>. The frame's metadata are valid until the next call.</summary>
    public ParseResult TryParse(ref ReadOnlySequence<byte> buffer, out Frame frame)
    {
        frame = default;
        var available = buffer.Length;
        if (available < FrameHeader.Size) return ParseResult.NeedMore;

        Span<byte> headerCopy = stackalloc byte[FrameHeader.Size];
        scoped var headerBytes = buffer.FirstSpan;
        if (headerBytes.Length < FrameHeader.Size)
        {
            buffer.Slice(0, FrameHeader.Size).CopyTo(headerCopy);
            headerBytes = headerCopy;
        }

        var header = FrameHeader.Read(headerBytes);
        if (!_metadataChecked && !CheckBounds(header)) return ParseResult.Bad;

        var metadataEnd = FrameHeader.Size + header.MetadataLength;
        if (available < metadataEnd) return ParseResult.NeedMore;
        if (_metadataChecked && available < header.Length) return ParseResult.NeedMore;

        var metadata = Contiguous(buffer, header.MetadataLength);
        if (!_metadataChecked)
        {
            if (FrameHeader.ComputeChecksum(headerBytes, metadata) != header.Checksum)
            {
                return Fail(StatusCode.Malformed, $"The checksum of a frame's header and metadata is wrong (type {(byte)header.Type}, {header.Length} bytes).");
            }

            if (!s_known[(byte)header.Type]) return Fail(StatusCode.Malformed, $"Frame type {(byte)header.Type} is unknown.");
            _metadataChecked = true;
            if (available < header.Length) return ParseResult.NeedMore;
        }

        _metadataChecked = false;
        frame = new Frame(header, metadata, buffer.Slice(metadataEnd, header.PayloadLength));
        buffer = buffer.Slice(header.Length);
        return ParseResult.Frame;
    }

    private bool CheckBounds(in FrameHeader header)
    {
        // Read as unsigned: a length with the highest bit set is large, not negative.
        if ((uint)header.Length > (uint)MaxFrameBytes)
        {
            Fail(StatusCode.LimitExceeded, $"A frame of {(uint)header.Length} bytes exceeds the limit of {MaxFrameBytes}.");
            return false;
        }

        if (header.Length < FrameHeader.Size || (uint)header.MetadataLength > (uint)(header.Length - FrameHeader.Size))
        {
            Fail(StatusCode.Malformed, $"A frame of {header.Length} bytes cannot hold a header of {FrameHeader.Size} and metadata of {(uint)header.MetadataLength}.");
            return false;
        }

        if (header.Version < minVersion || header.Version > maxVersion)
        {
            Fail(StatusCode.UnsupportedVersion, $"Protocol version {header.Version} is not spoken here (versions {minVersion} to {maxVersion} are).");
            return false;
        }

        return true;
    }

    private ReadOnlySpan<byte> Contiguous(in ReadOnlySequence<byte> buffer, int length)
    {
        var first = buffer.FirstSpan;
        if (first.Length >= FrameHeader.Size + length) return first.Slice(FrameHeader.Size, length);
        if (_scratch.Length < length || (_scratch.Length > KeptScratch && length <= KeptScratch)) _scratch = new byte[Math.Max(length, 4096)];
        buffer.Slice(FrameHeader.Size, length).CopyTo(_scratch);
        return _scratch.AsSpan(0, length);
    }

    private ParseResult Fail(StatusCode code, string text)
    {
        Error = code;
        ErrorText = text;
        return ParseResult.Bad;
    }

    private static bool[] KnownTypes()
    {
        var known = new bool[256];
        foreach (var type in Enum.GetValues<FrameType>()) known[(byte)type] = type != FrameType.None;
        return known;
    }
}
