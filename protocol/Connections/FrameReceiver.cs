using System.IO.Pipelines;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Connections;

/// <summary>
/// The receiving half of a connection: a Pipe over pooled blocks that one loop fills and empties, without a second task or a thread hop. It buffers at most one incomplete
/// frame, whose length was checked, and what the last receive brought.
/// </summary>
internal sealed class FrameReceiver(ConnectionTransport transport, ConnectionOptions options)
{
    /// <summary>With less room left in a block, the next receive goes to a new one.</summary>
    private const int MinReceive = 8 * 1024;

    private readonly Pipe _pipe = new(new PipeOptions(
        options.Pool,
        PipeScheduler.Inline,
        PipeScheduler.Inline,
        pauseWriterThreshold: 0,
        resumeWriterThreshold: 0,
        minimumSegmentSize: Block.Size,
        useSynchronizationContext: false));

    private Memory<byte> _room;

    public FrameParser Parser { get; } = new(options.MaxFrameBytes);

    /// <summary>Handles one frame; false: no further ones, please.</summary>
    public delegate bool FrameAction(in Frame frame);

    /// <summary>True if an incomplete frame is buffered.</summary>
    public bool IsInsideFrame { get; private set; }

    /// <summary>Receives once, into the pipe; to be followed by <see cref="Received"/>. Zero bytes are the end of the stream.</summary>
    public ValueTask<int> ReceiveAsync()
    {
        if (_room.IsEmpty) _room = _pipe.Writer.GetMemory(MinReceive);
        return transport.ReceiveAsync(_room);
    }

    /// <summary>So many bytes were received.</summary>
    public void Received(int bytes)
    {
        _pipe.Writer.Advance(bytes);
        _room = default;

        // Without a threshold at which the pipe pauses its writer, this ends at once.
        var flushed = _pipe.Writer.FlushAsync();
        if (!flushed.IsCompleted) throw new InvalidOperationException("The pipe made its writer wait.");
        flushed.GetAwaiter().GetResult();
        if (!transport.IsInProcess) Metrics.BytesReceived.Add(bytes);
    }

    /// <summary>Hands out every complete frame. False if the bytes were bad or the action refused further ones.</summary>
    public bool Handle(FrameAction onFrame, out bool any)
    {
        any = false;
        if (!_pipe.Reader.TryRead(out var result)) return true;
        var buffer = result.Buffer;
        try
        {
            while (true)
            {
                switch (Parser.TryParse(ref buffer, out var frame))
                {
                    case ParseResult.Frame:
                        any = true;
                        if (!onFrame(frame)) return false;
                        break;
                    case ParseResult.NeedMore:
                        return true;
                    default:
                        return false;
                }
            }
        }
        finally
        {
            // Claimed before the read bytes are given up: the pipe would otherwise drop the half-filled block and begin a new one for every receive,
            // and each retained payload would hold 64 KiB for itself.
            _room = _pipe.Writer.GetMemory(MinReceive);
            IsInsideFrame = !buffer.IsEmpty;
            _pipe.Reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Gives the blocks back.</summary>
    public void Complete()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
    }
}
