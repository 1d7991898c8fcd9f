import asyncio, sys
import blake3, websockets

async def main(url):
    digest = blake3.blake3()
    async with websockets.connect(url) as socket:
        async for text in socket:
            message = text.encode()
            digest.update(len(message).to_bytes(4, "little") + message)
    print(f"blake3:{digest.hexdigest()}")

asyncio.run(main(sys.argv[1]))
