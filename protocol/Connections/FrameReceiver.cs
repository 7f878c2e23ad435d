using System.IO.Pipelines;
using System.Net.Sockets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Framing;

namespace Delos.Protocol.Connections;

/// <summary>
/// The receiving half of a connection: a Pipe over pooled blocks that one loop fills and empties, without a second task or a thread hop. It buffers at most one incomplete
/// frame, whose length was checked, and what the last receive brought.
/// </summary>
internal sealed class FrameReceiver(Socket socket, ConnectionOptions options)
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

    /// <summary>Receives once; 0 at the end of the stream.</summary>
    public async ValueTask<int> ReceiveAsync()
    {
        if (_room.IsEmpty) _room = _pipe.Writer.GetMemory(MinReceive);
        var received = await socket.ReceiveAsync(_room, SocketFlags.None).ConfigureAwait(false);
        _pipe.Writer.Advance(received);
        _room = default;
        await _pipe.Writer.FlushAsync().ConfigureAwait(false);
        Metrics.BytesReceived.Add(received);
        return received;
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
            _pipe.Reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>True if an incomplete frame is buffered.</summary>
    public bool IsInsideFrame()
    {
        if (!_pipe.Reader.TryRead(out var result)) return false;
        var inside = !result.Buffer.IsEmpty;
        _pipe.Reader.AdvanceTo(result.Buffer.Start);
        return inside;
    }

    /// <summary>Gives the blocks back.</summary>
    public void Complete()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
    }
}
